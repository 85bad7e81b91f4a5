// What happens at this step, with the numbers that go into it.

function makePanel(app) {
  const element = el("section", {class: "panel", "aria-label": "this step"});
  return {
    element,
    show(changedFrom = null) {
      const {model, step} = app;
      const content = {[RECORD]: recordPanel, [BEGIN]: beginPanel, [VISIT]: visitPanel, [END]: endPanel}
          [model.kind[step]](app);
      element.replaceChildren(...content.flat(Infinity).filter(Boolean));
      for (const wide of element.querySelectorAll(".scroll")) {
        if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
      }
      if (changedFrom) markChanged(element, changedFrom);
    },
    // The numbers on show by place, for the comparison after an update.
    numbers() {
      const shown = new Map();
      for (const figure of element.querySelectorAll("[data-figure]")) {
        shown.set(
            figure.dataset.figure,
            Array.from(figure.querySelectorAll("[data-value]"), (cell) => cell.dataset.value));
      }
      return shown;
    },
  };
}

function markChanged(element, before) {
  for (const figure of element.querySelectorAll("[data-figure]")) {
    const old = before.get(figure.dataset.figure);
    if (!old) continue;
    figure.querySelectorAll("[data-value]").forEach((cell, place) => {
      if (old[place] !== undefined && old[place] !== cell.dataset.value) cell.classList.add("changed");
    });
  }
}

function heading(app, number, ...meta) {
  const {model} = app;
  const node = model.nodes[number];
  const page = node.op !== null && model.ops[node.op]?.text;
  return el(
      "header", {class: "panel-head"},
      el("h2", {}, el("span", {class: "number"}, number), " ", opName(model, number),
         page ? el("button", {type: "button", class: "quiet about", onclick: () => showOp(model, node.op)},
                   `about ${node.op}`) :
                null),
      el("p", {class: "meta"},
         [node.scope ?? null, ...meta].filter(Boolean).map((text) => el("span", {}, text))));
}

function formulaLine(model, op) {
  const formula = model.ops[op]?.formula;
  if (!formula) return null;
  const text = formula.startsWith(`${op}: `) ? formula.slice(op.length + 2) : formula;
  return el("div", {class: "formula"}, el("code", {}, text.replace(/\.$/, "")));
}

function section(title, ...content) { return el("section", {class: "part"}, el("h3", {}, title), content); }

function nodeLink(app, number) {
  return el(
      "button", {type: "button", class: "link", onclick: () => app.goToNode(number)},
      `${number} ${opName(app.model, number)}`);
}

function argumentFigures(app, node, prefix) {
  return (node.inputs ?? []).map((input, place) => {
    const recorded = input.node !== undefined && input.node !== null;
    const caption = recorded ? [`argument ${place}, `, nodeLink(app, input.node)] :
                               `argument ${place}, ${input.node === null ? "of another tape" : "a constant"}`;
    return tensorFigure(app, tensorOfInput(app.model, input), caption, `${prefix}.argument${place}`);
  });
}

// Says so if what is not finite starts here: in what comes out, and in nothing that goes in.
function oddStart(app, from, to) {
  const has = (places, odd) => places.some((place) => oddWords(app.model, place) === odd);
  const odd = ["NaN", "∞", "−∞"].find((each) => has(to, each) && !has(from, each) && !has(from, "NaN"));
  return odd ? el("p", {class: "odd"}, `${odd} starts here: nothing that goes in is ${odd}.`) : null;
}

// The memory in use after a step, and by how much the step changed it.
function memoryWords({model, step}) {
  const change = step > 0 ? model.bytes[step] - model.bytes[step - 1] : 0;
  const changed = change ? ` (${change > 0 ? "+" : "−"}${bytesText(Math.abs(change))})` : "";
  return `${bytesText(model.bytes[step])} in use${changed}`;
}

function recordPanel(app) {
  const {model, step} = app;
  const number = model.place[step];
  const node = model.nodes[number];
  const head = heading(
      app, number, node.op === null ? null : `recorded in ${secondsText(node.seconds)}`, memoryWords(app));
  const key = `n${number}`;
  if (node.op === null) {
    return [
      head,
      el("p", {class: "words"},
         "A leaf asks for a gradient. It has no edges: here the walk ends, and leaves the sum in its slot."),
      tensorFigure(app, node.value, "value", `${key}.value`), usesOf(app, number)
    ];
  }
  return [
    head,
    formulaLine(model, node.op),
    oddStart(app, node.inputs.map((input) => tensorOfInput(model, input)), [node.value]),
    el("div", {class: "figures"}, argumentFigures(app, node, key),
       tensorFigure(app, node.value, "result", `${key}.value`)),
    lensesFor(app, number, null),
    closures(app, number),
  ];
}

function usesOf(app, number) {
  const uses = [];
  for (let user = number + 1; user < app.model.nodes.length && uses.length < 20; ++user) {
    if (app.model.nodes[user].edges?.some((edge) => edge.node === number)) uses.push(user);
  }
  return uses.length ? section(
                           "Used by",
                           el("p", {class: "links"}, uses.map((user) => nodeLink(app, user)),
                              uses.length === 20 ? "…" : null)) :
                       null;
}

// What each edge's closure holds, and whether it still does.
function closures(app, number) {
  const {model, step} = app;
  const edges = model.nodes[number].edges ?? [];
  const target = (edge) =>
      el("span", {class: "soft"}, edge.node === null ? "on another tape" : `→ ${edge.node}`);
  if (edges.length === 0) return null;
  const freed = model.freedAt[number];
  const gone = freed >= 0 && step >= freed;
  const state = gone                          ? (step === freed ? "freed now" : "freed") :
      freed < 0 && model.kind[step] === VISIT ? "kept" :
                                                "held";
  return section(
      `Closures: ${state}`,
      el("ul", {class: gone ? "closures gone" : "closures"},
         edges.map(
             (edge) =>
                 el("li", {}, `for argument ${edge.argument} `, target(edge), ": ",
                    (edge.holds ?? []).length === 0 ?
                        "nothing but itself" :
                        edge.holds.map(
                            (held, place) =>
                                [place ? ", " : "",
                                 held.what,
                                 held.shape ? ` ${shapeText(held.shape)}` : "",
                                 " ",
                                 el("span", {class: "soft"}, bytesText(held.bytes)),
  ]),
                    " ",
                    edge.bytes ? el("span", {class: "soft"}, `(closure ${bytesText(edge.bytes)})`) : null))));
}

function beginPanel(app) {
  const {model, step} = app;
  const w = model.walk[step];
  const walk = model.walks[w];
  return [
    el("header", {class: "panel-head"}, el("h2", {}, `Walk ${w}: ${walk.call}`),
       el("p", {class: "meta"}, el("span", {}, `from node ${walk.node}`),
          el("span", {}, counted(walk.visits.length, "visit")),
          walk.create_graph ? el("span", {}, "create_graph") : null,
          walk.keep_graph ? el("span", {}, "keep_graph") : null)),
    el("p", {class: "words"},
       "Every edge points to a smaller number, so a walk from the end meets each consumer of a value ",
       "before its producer. ",
       walk.create_graph ? "It records what it computes: the nodes that it appends are marked in the list. " :
                           "",
       walk.keep_graph || walk.create_graph ? "Closures are kept for another walk." :
                                              "Each node's closures are freed when it has been visited."),
    tensorFigure(app, walk.cotangent, ["put into the slot of ", nodeLink(app, walk.node)], `w${w}.cotangent`),
  ];
}

function endPanel(app) {
  const {model, step} = app;
  const w = model.walk[step];
  const walk = model.walks[w];
  const gradients = walk.gradients ?? [];
  return [
    el("header", {class: "panel-head"}, el("h2", {}, `Walk ${w} ends`),
       el("p", {class: "meta"}, el("span", {}, counted(gradients.length, "gradient")))),
    walk.failed ? el("p", {class: "odd"}, "The walk threw. Its last visit shows what there was until then.") :
                  null,
    gradients.length === 0 ?
        null :
        el("p", {class: "words"},
           walk.call === "backward" ?
               "backward adds each leaf's sum to its grad(). This is grad() afterwards." :
               "gradient returns these, and writes to no grad()."),
    el("div", {class: "figures"},
       gradients.map(
           ({node, value}) => tensorFigure(
               app, value, [walk.call === "backward" ? "grad of " : "gradient for ", nodeLink(app, node)],
               `w${w}.gradient${node}`))),
    checksSection(app),
  ];
}
