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

function zeroShare(matrix) {
  let zeros = 0;
  for (let i = 0; i < matrix.rows; ++i)
    for (let j = 0; j < matrix.columns; ++j)
      if (matrix.at(i, j) === 0) ++zeros;
  return zeros / Math.max(1, matrix.rows * matrix.columns);
}
