// What a threshold flags, catches, and costs: the reader drags it, and sets what a missed fraud costs. All counts were
// worked out by mlbook/evidence/threshold.py; this script looks them up and multiplies the missed by their price.
"use strict";

interactive("threshold", (box, data) => {
  const [width, height] = [720, 240];
  const step = width / data.thresholds.length;
  const number = (value) => value.toLocaleString("en-US");
  const knob = (count, at) => element("input", { type: "range", min: 0, max: count - 1, step: 1, value: at });
  const threshold = knob(data.thresholds.length, data.at);
  const price = knob(data.prices.length, data.price);
  const [chosen, priced] = [element("strong"), element("strong")];
  const says = element("output", { class: "says" });
  const figures = ["Payments flagged", "Frauds caught", "Frauds missed", "Cost in reviews"]
    .map((name) => [name, element("dd")]);
  const bar = (kind, row) => element("rect", { class: kind, x: row * step + 2, width: step - 4 });
  const bars = data.thresholds.map((_, row) =>
    element("g", {}, bar("missed", row), bar("reviews", row)));
  const line = height - height / data.tallest;
  const drawing = element("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, ...bars,
    element("line", { class: "never", x1: 0, x2: width, y1: line, y2: line }),
    element("text", { x: 4, y: line - 6 }, "cost of flagging nothing"));

  const show = () => {
    const { price: each, cheapest } = data.prices[price.valueAsNumber];
    const missed = (row) => data.frauds - row.caught;
    const cost = (row) => row.flagged + each * missed(row);
    const [now, none, best] = [threshold.valueAsNumber, 0, cheapest].map((index) => data.thresholds[index]);
    chosen.textContent = now.name;
    priced.textContent = `${number(each)} reviews`;
    threshold.setAttribute("aria-valuetext", now.name);
    price.setAttribute("aria-valuetext", priced.textContent);
    [now.flagged, now.caught, missed(now), cost(now)].forEach((value, index) => {
      figures[index][1].textContent = number(value);
    });
    says.textContent = `${now.flags} ${number(now.flagged)} flagged and reviewed, ${now.caught} of ${data.frauds} `
      + `frauds caught, ${missed(now)} missed. If a missed fraud costs ${number(each)} reviews, this costs `
      + `${number(cost(now))} reviews, and flagging nothing ${number(cost(none))}. `
      + `Cheapest: ${best.name}, ${number(cost(best))}.`;
    const scale = height / (data.tallest * cost(none));
    data.thresholds.forEach((row, index) => {
      const [low, high] = bars[index].children;
      const heights = [scale * each * missed(row), scale * row.flagged];
      low.setAttribute("y", height - heights[0]);
      low.setAttribute("height", heights[0]);
      high.setAttribute("y", height - heights[0] - heights[1]);
      high.setAttribute("height", heights[1]);
      bars[index].setAttribute("class", row === now ? "now" : row === best ? "best" : "");
    });
  };
  const drag = (event) => {
    if (!(event.buttons & 1)) return;
    const { left, width: wide } = drawing.getBoundingClientRect();
    const row = Math.floor((event.clientX - left) / wide * data.thresholds.length);
    threshold.value = Math.min(Math.max(row, 0), data.thresholds.length - 1);
    show();
  };

  [threshold, price].forEach((input) => input.addEventListener("input", show));
  ["pointerdown", "pointermove"].forEach((name) => drawing.addEventListener(name, drag));
  box.append(
    element("p", { class: "key" }, element("span", { class: "missed" }), " cost of missed frauds ",
      element("span", { class: "reviews" }), " cost of reviews"),
    drawing,
    element("label", {}, element("span", {}, "Flagged from a chance of: ", chosen), threshold),
    element("label", {}, element("span", {}, "A missed fraud costs: ", priced), price),
    element("dl", {}, ...figures.map(([name, value]) => element("div", {}, element("dt", {}, name), value))),
    says,
  );
  show();
});
