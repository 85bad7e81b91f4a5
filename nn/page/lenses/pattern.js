// Sparse factors, as attention has them: which keys each query kept, and that the products run along this
// pattern only.

const PATTERN_SHARE = 0.25;  // of exact zeros, from which on a matrix counts as sparse
const PATTERN_ROWS = 24;

function patternOf(app, left, right) {
  const sparse = [left, right].find((matrix) => zeroShare(matrix) >= PATTERN_SHARE);
  if (!sparse) return null;
  const total = sparse.rows * sparse.columns;
  const zeros = Math.round(zeroShare(sparse) * total);
  const other = sparse === left ? right : left;
  return unfolding(
      app, "pattern", "pattern",
      `${zeros.toLocaleString("en")} of ${counted(total, "element")} of ${sparse.label} are exactly 0`,
      el("p", {class: "words"},
         `Each row of ${sparse.label} meets only those rows of ${other.label} that it keeps. `,
         "In attention a row is a query and a column a key: forward and backward need the kept pairs alone."),
      keptList(sparse));
}

// Of each row the columns that are not 0, with what stands there.
function keptList({rows, columns, at}) {
  const items = [];
  for (let i = 0; i < Math.min(rows, PATTERN_ROWS); ++i) {
    const kept = [];
    for (let j = 0; j < columns; ++j)
      if (at(i, j) !== 0) kept.push([j, at(i, j)]);
    items.push(
        el("li", {}, el("span", {class: "number"}, i), " ",
           kept.length === 0 ? el("span", {class: "soft"}, "nothing") :
                               kept.slice(0, 8).map(
                                   ([j, x], place) =>
                                       [place ? ", " : "", el("b", {}, j), " ",
                                        el("span", {class: "soft", title: String(x)}, digits(x, 3))]),
           kept.length > 8 ? ` and ${kept.length - 8} more` : null));
  }
  return [
    el("ol", {class: "kept"}, items),
    rows > PATTERN_ROWS ? el("p", {class: "soft"}, `and ${rows - PATTERN_ROWS} more rows`) : null
  ];
}

// sparse_attention works on slots: row i of its probabilities has k places for the keys that query i keeps.
// Which keys those are, its closures know; the recorded values tell the weights.
function slotsLens({app, number, node, visit}) {
  const tensor = app.model.tensors[node.value];
  const queries = app.model.tensors[tensorOfInput(app.model, node.inputs[0])];
  const keys = node.inputs.length > 1 ? app.model.tensors[tensorOfInput(app.model, node.inputs[1])] : null;
  const p = numbersOf(tensor);
  if (visit || !p || p.length === 0 || tensor.shape.length !== 3 || !queries) return null;
  const [batches, rows, columns] = tensor.shape;
  const all = {length: columns, count: batches * rows, index: (row, i) => row * columns + i};
  if (!sumsToOne(all, p)) return null;
  const stage = el("div", {});
  const draw = (batch) => stage.replaceChildren(
      ...keptList({rows, columns, at: (i, j) => p[(batch * rows + i) * columns + j]}).filter(Boolean));
  const dense = keys && keys.shape.length === 3 ?
      ` A dense matrix would have ${rows} × ${keys.shape[1]} elements here, this has ${rows} × ${columns}.` :
      "";
  return section(
      "Probabilities in slots",
      el("p", {class: "words"}, `Each query keeps at most ${counted(columns, "key")}: `,
         `a slot has a weight, and the closure knows its key.${dense}`),
      picker(app, `${number}.slots`, "matrix", batches, String, draw), stage);
}

function zeroShare(matrix) {
  let zeros = 0;
  for (let i = 0; i < matrix.rows; ++i)
    for (let j = 0; j < matrix.columns; ++j)
      if (matrix.at(i, j) === 0) ++zeros;
  return zeros / Math.max(1, matrix.rows * matrix.columns);
}
