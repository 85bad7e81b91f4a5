// A visit: the cotangent of a node, its formula, and what each edge sends on.

function visitPanel(app) {
  const {model, step} = app;
  const w = model.walk[step];
  const v = model.place[step];
  const visit = visitOfStep(model, step);
  const node = model.nodes[visit.node];
  const key = `w${w}v${v}`;
  const parts = partsOfSlot(model, w, visit.node);
  const asks = app.asks(step);
  return [
    heading(
        app, visit.node, `visit ${v + 1} of ${model.walks[w].visits.length}`, secondsText(visit.seconds),
        memoryWords(app)),
    formulaLine(model, node.op),
    asks ?
        null :
        oddStart(
            app,
            [visit.cotangent, node.value, ...(node.inputs ?? []).map((input) => tensorOfInput(model, input))],
            visit.contributions.map((each) => each.value)),
    el("div", {class: "figures"},
       el("div", {class: "incoming"},
          tensorFigure(
              app, visit.cotangent,
              parts.length > 1 ? `cotangent dy, the sum of ${parts.length}` : "cotangent dy",
              `${key}.cotangent`)),
       argumentFigures(app, node, key), tensorFigure(app, node.value, "result", `${key}.value`)),
    parts.length > 1 ? partsSection(app, parts, key) : null,
    asks ? askSection(app, visit) :
           section(
               "What the edges send",
               el("div", {class: "contributions"},
                  visit.contributions.map((_, e) => contribution(app, w, v, e, key)))),
    asks ? null : lensesFor(app, visit.node, visit),
    closures(app, visit.node),
    asks ? null : appendedSection(app),
  ];
}

function partsSection(app, parts, key) {
  const shown = parts.slice(0, 12);
  return unfolding(
      app, "parts", "part", `The ${parts.length} parts of this cotangent`,
      el("div", {class: "figures"},
         shown.map(
             ({from, argument, value}, place) => tensorFigure(
                 app, value,
                 from === null ? "put in at the start" : [nodeLink(app, from), `, argument ${argument}`],
                 `${key}.part${place}`))),
      parts.length > shown.length ? el("p", {class: "soft"}, `and ${parts.length - shown.length} more`) :
                                    null);
}

function contribution(app, w, v, e, key) {
  const {argument, node, value, total} = app.model.walks[w].visits[v].contributions[e];
  const {before, filled, expected} = additionAt(app.model, w, v, e);
  const slot =
      el("span", {class: "slot-words"},
         slotMark({state: filled < expected ? "partial" : "complete", filled, expected}),
         expected === 1        ? "the only part: complete" :
             filled < expected ? `partial sum, ${filled} of ${expected}` :
                                 `${filled} of ${expected}: complete`);
  return el(
      "div", {class: "contribution"},
      el("p", {class: "to"}, `for argument ${argument}, into the slot of `, nodeLink(app, node), slot),
      el("div", {class: "figures sum"},
         before === null ?
             null :
             [
               tensorFigure(app, before, "in the slot", `${key}.before${e}`), el("span", {class: "sign"}, "+")
             ],
         tensorFigure(app, value, "contribution", `${key}.contribution${e}`), before === null ? null : [
           el("span", {class: "sign"}, "="),
           tensorFigure(app, total, filled < expected ? "partial sum" : "sum", `${key}.total${e}`)
         ]));
}

function appendedSection(app) {
  const [from, to] = appendedAt(app.model, app.step);
  if (from === to) return null;
  const numbers = Array.from({length: Math.min(to - from, 30)}, (_, place) => from + place);
  return section(
      `This visit appended ${counted(to - from, "node")} to the tape`,
      el("p", {class: "words soft"}, "create_graph records the products of the walk like any other op, ",
         "so that the gradient can be differentiated."),
      el("ul", {class: "appended"},
         numbers.map(
             (number) =>
                 el("li", {}, el("b", {}, number), ` ${opName(app.model, number)} `,
                    el("span", {class: "soft"},
                       (app.model.nodes[number].edges ?? []).map((edge) => `→ ${edge.node}`).join(" ")),
                    " ", el("span", {class: "value"}, preview(app.model, app.model.nodes[number].value))))),
      to - from > numbers.length ? el("p", {class: "soft"}, `and ${to - from - numbers.length} more`) : null);
}
