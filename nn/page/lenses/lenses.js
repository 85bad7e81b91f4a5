// Lenses know their op. A lens takes { app, number, node, visit } and returns an element, or null if the
// recorded values do not let it draw; visit is null while the node is being recorded.

const LENSES = {
  sparse_softmax: softmaxLens,
  sparse_softmax_as_written: softmaxLens,
  topk_softmax: softmaxLens,
  softmax: softmaxLens,
  bmm: productLens,
  mm: productLens,
  matmul: productLens,
  affine: productLens,
  sparse_attention: attentionLens,
};

function lensesFor(app, number, visit) {
  const node = app.model.nodes[number];
  const lens = Object.hasOwn(LENSES, node.op) ? LENSES[node.op] : null;
  return lens ? lens({app, number, node, visit}) : null;
}

// What the reader has chosen in a lens (a row, a product, an open list) stays chosen at other steps and after
// updates. Each choice has a key.

// A row of buttons of which one is pressed; choose(place) fills the element under it, at once for the one
// pressed first.
function switcher(app, key, label, names, choose) {
  const buttons = names.map(
      (name, place) =>
          el("button", {type: "button", "aria-pressed": "false", onclick: () => press(place)}, name));
  const press = (place) => {
    buttons.forEach((button, each) => button.setAttribute("aria-pressed", String(each === place)));
    app.chosen.set(key, place);
    choose(place);
  };
  press(Math.min(app.chosen.get(key) ?? 0, names.length - 1));
  return names.length < 2 ? null :
                            el("div", {class: "switcher", role: "group", "aria-label": label}, buttons);
}

// The number of a row or matrix, with no control if there is only one; choose(place) is called at once, too.
function picker(app, key, label, count, nameOf, choose) {
  const chosen = Math.min(app.chosen.get(key) ?? 0, count - 1);
  choose(chosen);
  if (count < 2) return null;
  const select =
      el("select", {
        onchange() {
          app.chosen.set(key, Number(select.value));
          choose(Number(select.value));
        }
      },
         Array.from(
             {length: Math.min(count, 500)},
             (_, place) => el("option", {value: place, selected: place === chosen}, nameOf(place))));
  return el("label", {class: "picker"}, `${label} `, select);
}

function unfolding(app, key, name, summary, ...content) {
  const element =
      el("details",
         {class: name, open: app.chosen.get(key) ?? false, ontoggle: () => app.chosen.set(key, element.open)},
         el("summary", {}, summary), content);
  return element;
}
