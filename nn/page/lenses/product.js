// Lens on products of matrices: the left factor's row and the right factor's column meet in the element under
// the pointer, and its sum is written out. On the way back it shows the two products that make the gradients.

function productLens({app, number, node, visit}) {
  const factors = readFactors(app.model, node);
  if (!factors) return null;
  const stage = el("div", {class: "product-stage"});
  let batch = 0;
  let choice = 0;
  const draw = () => stage.replaceChildren(
      ...productView(app, productsOf(app.model, factors, visit, batch)[choice]).filter(Boolean));
  const names = productsOf(app.model, factors, visit, 0)
                    .map(({left, right, result}) => `${result.label} = ${left.label} ${right.label}`);
  if (names.length === 0) return null;
  const tabs = switcher(app, `${number}.product`, "product", names, (place) => {
    choice = place;
    draw();
  });
  const matrices = picker(app, `${number}.matrix`, "matrix", factors.batches, String, (place) => {
    batch = place;
    draw();
  });
  return section("The product, element by element", el("div", {class: "lens-head"}, tabs, matrices), stage);
}

// { A, B, C, bias, transposed: [a, b], batches, m, k, n, names } with all numbers, or null: a sample has no
// sums. The tape does not say whether a factor was stored transposed; the recorded result does.
function readFactors(model, node) {
  const places = node.inputs.map((input) => tensorOfInput(model, input));
  if (places.length < 2 || places.includes(null)) return null;
  const tensors = [...places, node.value].map((place) => model.tensors[place]);
  if (tensors.some((tensor) => numbersOf(tensor) === null || numbersOf(tensor).length === 0)) return null;
  const affine = node.op === "affine";
  const rank = affine ? 1 : 2;
  const [A, B] = tensors;
  const C = tensors[tensors.length - 1];
  if (A.shape.length < rank || B.shape.length < 2 || C.shape.length < rank) return null;
  const split = (tensor, flat) => {
    const columns = tensor.shape[tensor.shape.length - 1];
    const rows = flat ? numbersOf(tensor).length / columns : tensor.shape[tensor.shape.length - 2];
    return {numbers: numbersOf(tensor), rows, columns};
  };
  const factors = {
    A: split(A, affine),
    B: split(B, false),
    C: split(C, affine),
    bias: affine ? numbersOf(tensors[2]) : null,
    names: affine ? ["x", "W", "y"] : ["A", "B", "C"]
  };
  factors.batches = factors.C.numbers.length / (factors.C.rows * factors.C.columns);
  for (const transposed of [[false, false], [false, true], [true, false], [true, true]]) {
    const product = {...factors, transposed};
    if (agrees(product)) return product;
  }
  return null;
}

function matrixOf({numbers, rows, columns}, batch, label) {
  return {rows, columns, label, at: (i, j) => numbers[(batch * rows + i) * columns + j]};
}

function transposedMatrix(matrix) {
  return {
    rows: matrix.columns,
    columns: matrix.rows,
    label: `${matrix.label}ᵀ`,
    at: (i, j) => matrix.at(j, i)
  };
}

function orientedFactors(factors, batch) {
  const [a, b] = [matrixOf(factors.A, batch, factors.names[0]), matrixOf(factors.B, batch, factors.names[1])];
  return [factors.transposed[0] ? transposedMatrix(a) : a, factors.transposed[1] ? transposedMatrix(b) : b];
}

// Whether the product, so read, gives the recorded result: tried at a few elements, to the rounding of
// float32.
function agrees(factors) {
  const [x, y] = orientedFactors(factors, 0);
  const c = matrixOf(factors.C, 0, "");
  if (x.rows !== c.rows || y.columns !== c.columns || x.columns !== y.rows) return false;
  for (let trial = 0; trial < 12; ++trial) {
    const i = (trial * 7) % c.rows;
    const j = (trial * 5) % c.columns;
    let sum = factors.bias ? factors.bias[j] : 0;
    let size = Math.abs(sum);
    for (let l = 0; l < x.columns; ++l) {
      sum += x.at(i, l) * y.at(l, j);
      size += Math.abs(x.at(i, l) * y.at(l, j));
    }
    if (Number.isFinite(size) && Math.abs(sum - c.at(i, j)) > 1e-4 * size + 1e-30) return false;
  }
  return true;
}

// Each { left, right, result, bias }. With a factor stored transposed, its gradient is transposed too: (X
// Y)^T = Y^T X^T.
function productsOf(model, factors, visit, batch) {
  const [x, y] = orientedFactors(factors, batch);
  const [a, b, c] = factors.names;
  if (!visit) return [{left: x, right: y, result: matrixOf(factors.C, batch, c), bias: factors.bias}];
  const cotangent = numbersOf(model.tensors[visit.cotangent]);
  if (!cotangent) return [];
  const dC = matrixOf({...factors.C, numbers: cotangent}, batch, `d${c}`);
  const products = [];
  for (const {argument, value} of [...visit.contributions].sort((a, b) => a.argument - b.argument)) {
    const numbers = numbersOf(model.tensors[value]);
    if (argument > 1 || !numbers) continue;
    const result =
        matrixOf({...(argument === 0 ? factors.A : factors.B), numbers}, batch, `d${argument === 0 ? a : b}`);
    const [left, right] = argument === 0 ? [dC, transposedMatrix(y)] : [transposedMatrix(x), dC];
    products.push(
        factors.transposed[argument] ?
            {left: transposedMatrix(right), right: transposedMatrix(left), result} :
            {left, right, result});
  }
  for (const {left, right} of products) {
    for (const matrix of [left, right]) matrix.label = matrix.label.replace("ᵀᵀ", "");
  }
  return products;
}

function productView(app, {left, right, result, bias}) {
  const inner = left.columns;
  const cells = inner + result.columns;
  const size = clamp(Math.floor((Math.min(app.width(), 620) - 30) / cells), 1, 44);
  const sum =
      el("p", {class: "written-out", "aria-live": "polite"},
         "Point at an element, or move over it with the arrow keys.");
  const views = {};
  let at = [0, 0];
  const pick = (i, j) => {
    at = [i, j];
    views.left.mark({row: i});
    views.right.mark({column: j});
    views.result.mark({cell: at});
    sum.replaceChildren(...writtenOut(left, right, result, bias, i, j));
  };
  const view = (matrix, onPick) => {
    const numbers = [];
    for (let i = 0; i < matrix.rows; ++i)
      for (let j = 0; j < matrix.columns; ++j) numbers.push(matrix.at(i, j));
    return matrixView(matrix, {most: largestSize(numbers), size, onPick});
  };
  views.left = view(left, (i) => pick(i, at[1]));
  views.right = view(right, (_, j) => pick(at[0], j));
  views.result = view(result, pick);
  const labelled = (name, matrix, {element}) =>
      el("div", {class: `factor ${name}`},
         el("div", {class: "slice-name"}, el("b", {}, matrix.label), ` ${matrix.rows} × ${matrix.columns}`),
         element);
  return [
    el("div", {
      class: "product",
      style: `width:${cells * size + 18}px;` +
          `grid-template-columns:minmax(0,${inner}fr) minmax(0,${result.columns}fr)`
    },
       labelled("right", right, views.right), labelled("left", left, views.left),
       labelled("result", result, views.result)),
    sum,
    patternOf(app, left, right),
  ];
}

// y[0, 1] = 0.5 · 2 + … = 3: the terms with an exact 0 are left out, and said to be.
function writtenOut(left, right, result, bias, i, j) {
  if (result.has && !result.has(i, j)) return [`${result.label}[${i}, ${j}] is never computed.`];
  const terms = [];
  let zeros = 0;
  for (let l = 0; l < left.columns; ++l) {
    const [x, y] = [left.at(i, l), right.at(l, j)];
    if (x === 0 || y === 0)
      ++zeros;
    else
      terms.push(`${bracketed(x)} · ${bracketed(y)}`);
  }
  if (bias) terms.push(digits(bias[j], 4));
  const shown = terms.slice(0, 12);
  if (terms.length > shown.length) shown.push(`${counted(terms.length - shown.length, "term")} more`);
  return [
    `${result.label}[${i}, ${j}] = ${shown.join(" + ") || "0"} = `, numberElement("b", result.at(i, j)),
    zeros ? el("span", {class: "soft"}, ` (${counted(zeros, "term")} with an exact 0)`) : null
  ].filter(Boolean);
}

function bracketed(x) { return x < 0 ? `(${digits(x, 4)})` : digits(x, 4); }
