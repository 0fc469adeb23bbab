// One aircraft's day: the reader drags the minute of a prediction and sees which flights count by then, and what the
// feature says. Everything was worked out by mlbook/evidence/timeline.py; this script looks up and draws.
"use strict";

const ROW = 46; // pixels for each flight: a line of text above its bar
const STRIDE = 10; // minutes for each press of an arrow key

interactive("timeline", (box, data) => {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: data.zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  });
  const clock = (minute) => format.format(Date.parse(data.start) + minute * 60_000);
  const across = (minutes) => `${(100 * minutes) / data.last}%`;
  const height = ROW * data.flights.length;

  const band = element("rect", { class: "window", y: 0, height });
  const now = element("line", { class: "now", y1: 0, y2: height });
  const rows = data.flights.map((flight, index) => {
    const [top, bar] = [index * ROW, index * ROW + 23];
    const state = element("text", { x: "100%", y: top + 16, "text-anchor": "end" });
    const row = element("g", {},
      element("line", { class: "rule", x1: 0, x2: "100%", y1: top + ROW, y2: top + ROW }),
      element("rect", { class: "bar", x: across(flight.left), y: bar, height: 15, rx: 2,
                        width: across(flight.landed - flight.left) }),
      element("text", { x: 0, y: top + 16 }, flight.text), state);
    if (flight.decided !== null) row.prepend(element("text",
      { class: "decision", x: across(flight.decided), y: bar + 13, "text-anchor": "middle" }, "◆"));
    return { row, state };
  });
  const ticks = data.ticks.map(({ at, label }) => element("text",
    { class: "tick", x: across(at), y: height + 18, "text-anchor": "middle" }, label));
  const drawing = element("svg", { height: height + 24, role: "img",
    "aria-label": `${data.title}: a bar for each flight, from departure to landing` },
    band, now, ...rows.map(({ row }) => row), ...ticks);

  const says = element("output", { class: "says" });
  const slider = element("input", { type: "range", min: data.first, max: data.last, value: data.at });
  slider.style.setProperty("--from", across(data.first)); // the drawing begins before the first prediction
  const jumps = data.flights.flatMap(({ decided }) => {
    if (decided === null) return [];
    const button = element("button", { type: "button", value: decided }, clock(decided));
    button.addEventListener("click", () => move(decided));
    return button;
  });

  const show = () => {
    const minute = slider.valueAsNumber;
    const step = data.steps.findLast((step) => step.from <= minute);
    const start = Math.max(0, minute - data.window);
    for (const [name, value] of Object.entries({ x: across(start), width: across(minute - start) })) band.setAttribute(name, value);
    for (const end of ["x1", "x2"]) now.setAttribute(end, across(minute));
    rows.forEach(({ row, state }, index) => {
      row.setAttribute("class", step.states[index]);
      state.textContent = data.states[step.states[index]];
    });
    for (const button of jumps) button.setAttribute("aria-pressed", Number(button.value) === minute);
    // The slider says by itself where it is; the sentence would say it again.
    says.setAttribute("aria-live", document.activeElement === slider ? "off" : "polite");
    says.replaceChildren(`At ${clock(minute)}, ${step.count}: `,
      element("span", { class: "honest" }, "the feature says ", element("strong", {}, step.feature), ";"), " ",
      element("span", { class: "careless" }, "the careless average says ", element("strong", {}, data.careless), "."));
    slider.setAttribute("aria-valuetext", says.textContent);
  };
  const move = (minute) => {
    slider.value = minute;
    show();
  };

  slider.addEventListener("input", show);
  slider.addEventListener("keydown", (event) => {
    const sign = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!sign) return;
    event.preventDefault();
    move(slider.valueAsNumber + sign * STRIDE);
  });
  const follow = (event) => {
    const { left, width } = drawing.getBoundingClientRect();
    if (event.buttons) move(Math.round((data.last * (event.clientX - left)) / width));
  };
  drawing.addEventListener("pointerdown", follow);
  drawing.addEventListener("pointermove", follow);

  box.append(
    element("p", { class: "title" }, data.title),
    says, drawing,
    element("label", {}, slider, `Time of the prediction, in New York. Shaded: the ${data.window / 60} hours before it. `
      + "The careless average takes all flights of the day."),
    element("div", { class: "jumps", role: "group", "aria-label": "Two hours before each departure" },
      element("span", {}, "◆ two hours before departure: "), ...jumps),
  );
  show();
});
