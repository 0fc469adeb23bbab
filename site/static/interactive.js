// Figures that answer. Each stands on the page as a picture, its data, and a table; the script of its widget calls
// `interactive` and draws the data in place of the picture. Without scripts, and on paper, the picture remains.
"use strict";

/** For each figure of a widget, `draw` fills an empty box from the figure's data. */
function interactive(widget, draw) {
  for (const data of document.querySelectorAll(`script[data-widget="${widget}"]`)) {
    const box = element("div", { class: "widget" });
    data.before(box);
    draw(box, JSON.parse(data.textContent));
    data.parentElement.classList.add("live"); // only now does the picture go
  }
}

/** An HTML element, or an SVG one if it is a shape, with attributes and children. */
function element(tag, attributes = {}, ...children) {
  const shape = ["svg", "g", "rect", "line", "path", "text"].includes(tag);
  const made = shape ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
