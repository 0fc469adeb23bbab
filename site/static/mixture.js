// Winners by a mixture of definitions: the reader weighs them, and sees who wins, and who would win by one alone. Ranks,
// winners by one definition, and the choice of items were worked out by mlbook/evidence/mixture.py; this script adds up.
"use strict";

interactive("mixture", (box, data) => {
  const sliders = data.definitions.map((_, index) =>
    element("input", { type: "range", min: 0, max: data.levels, step: 1, value: data.at[index] }));
  const weights = data.definitions.map(() => element("strong"));
  const says = element("output", { class: "says" });
  const body = element("tbody");

  const sentence = (winners) => {
    const each = data.definitions.map((name, index) =>
      `by '${name}' alone: ${winners.filter((item) => item.alone[index]).length}`);
    const none = winners.filter((item) => !item.alone.some(Boolean)).length;
    return `Of these ${data.top}, winners ${each.join("; ")}; by none of them alone: ${none}.`;
  };
  const row = (item) => element("tr", {}, element("th", { scope: "row" }, item.name),
    ...item.ranks.map((rank, index) => element("td", { style: `--rank: ${rank / 10}%` },
      `${(rank / 10).toFixed(1)}${item.alone[index] ? " ●" : ""}`)));
  const show = () => {
    const chosen = sliders.map((slider) => slider.valueAsNumber);
    const sum = (item) => item.ranks.reduce((total, rank, index) => total + chosen[index] * rank, 0);
    const winners = chosen.some(Boolean)
      ? data.items.toSorted((one, other) => sum(other) - sum(one)).slice(0, data.top) : [];
    weights.forEach((weight, index) => { weight.textContent = chosen[index]; });
    says.textContent = winners.length ? sentence(winners) : "With every weight at 0, nothing wins. Raise one.";
    body.replaceChildren(...winners.map(row));
  };

  sliders.forEach((slider) => slider.addEventListener("input", show));
  box.append(
    element("div", { class: "weights", role: "group", "aria-label": "Weights of the definitions" },
      ...sliders.map((slider, index) => element("label", {},
        element("span", {}, `Weight of '${data.definitions[index]}': `, weights[index]), slider))),
    says,
    element("div", { class: "table-scroll", tabindex: 0, role: "group", "aria-label": "The winners" },
      element("table", {},
        element("caption", {}, `The ${data.top} winners, and their rank by each definition (100 is the best). `
          + "● wins by that definition alone."),
        element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Winner"),
          ...data.definitions.map((name) => element("th", { scope: "col" }, name)))),
        body)),
  );
  show();
});
