// Lenses know their op. A lens takes { app, number, node, visit } and returns an element, or null if the recorded
// values do not let it draw; visit is null while the node is being recorded.

const LENSES = {
  sparse_softmax: softmaxLens, sparse_softmax_as_written: softmaxLens, topk_softmax: softmaxLens, softmax: softmaxLens,
  bmm: productLens, mm: productLens, matmul: productLens, affine: productLens,
};

function lensesFor(app, number, visit) {
  const node = app.model.nodes[number];
  const lens = Object.hasOwn(LENSES, node.op) ? LENSES[node.op] : null;
  return lens ? lens({ app, number, node, visit }) : null;
}

// A row of buttons of which one is pressed; choose(place) fills the element under it.
function switcher(label, names, choose) {
  const buttons = names.map((name, place) => el("button", { type: "button", "aria-pressed": "false", onclick: () => press(place) }, name));
  const press = (place) => {
    buttons.forEach((button, each) => button.setAttribute("aria-pressed", String(each === place)));
    choose(place);
  };
  return { element: el("div", { class: "switcher", role: "group", "aria-label": label }, buttons), press };
}

// A number of a row or matrix; nothing if there is only one.
function picker(label, count, nameOf, choose) {
  if (count < 2) return null;
  const select = el("select", { onchange: () => choose(Number(select.value)) },
                    Array.from({ length: Math.min(count, 500) }, (_, place) => el("option", { value: place }, nameOf(place))));
  return el("label", { class: "picker" }, `${label} `, select);
}
