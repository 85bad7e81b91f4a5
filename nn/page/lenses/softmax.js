// Lens on softmax and its sparse kin: scores as bars, tau as a water level, the support, the Jacobian of a
// row, beside that of the others if the tape has them. All of it is read off the recorded scores and
// probabilities: on the support tau = z_i - p_i.

const SOFTMAX_BARS = 40;

function softmaxLens({app, number, node, visit}) {
  const {model} = app;
  const tensors = [tensorOfInput(model, node.inputs[0]), node.value].map((place) => model.tensors[place]);
  if (tensors.some((tensor) => !tensor || numbersOf(tensor) === null || numbersOf(tensor).length === 0))
    return null;
  const [z, p] = tensors.map(numbersOf);
  const rows = rowsOf(tensors[1].shape, p, node.op);
  if (!rows) return null;
  const g = visit ? numbersOf(model.tensors[visit.cotangent]) : null;
  const dz =
      visit && visit.contributions.length ? numbersOf(model.tensors[visit.contributions[0].value]) : null;
  const kin = rows.length <= JACOBIAN_SCORES ? kinOf(model, number, rows) : [];
  const tolerance = tensors[1].dtype === "float64" ? 1e-12 : 1e-5;
  const stage = el("div", {class: "lens"});
  const draw = (row) => {
    const of = (numbers) =>
        numbers && Array.from({length: rows.length}, (_, i) => numbers[rows.index(row, i)]);
    const kinOfRow = kin.map((each) => ({...each, p: of(each.p)}));
    stage.replaceChildren(...softmaxRow(
        app, number, {z: of(z), p: of(p), g: of(g), dz: of(dz), kin: kinOfRow}, {z, p, rows, tolerance}));
  };
  return section(
      "One row",
      el("div", {class: "lens-head"},
         picker(app, `${number}.row`, "row", rows.count, (row) => rows.name(row), draw)),
      stage);
}

// The rows that were normalised. The tape does not say along which axis; the sums of the recorded result do.
function rowsOf(shape, p, op) {
  for (let axis = shape.length - 1; axis >= 0; --axis) {
    const stride = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const length = shape[axis];
    const rows = {
      axis,
      length,
      count: p.length / length,
      index: (row, i) => (Math.floor(row / stride) * length + i) * stride + (row % stride),
      name: (row) => indicesOfRow(shape, axis, row),
    };
    if (op === "sparse_softmax_as_written" || sumsToOne(rows, p)) return rows;
  }
  return null;
}

function indicesOfRow(shape, axis, row) {
  const indices = [];
  for (let each = shape.length - 1; each >= 0; --each) {
    if (each === axis) {
      indices.unshift(":");
      continue;
    }
    indices.unshift(row % shape[each]);
    row = Math.floor(row / shape[each]);
  }
  return `[${indices.join(", ")}]`;
}

function sumsToOne(rows, p) {
  for (let row = 0; row < Math.min(rows.count, 64); ++row) {
    let sum = 0;
    for (let i = 0; i < rows.length; ++i) sum += p[rows.index(row, i)];
    if (Math.abs(sum - 1) > 1e-3 && sum !== 0 && !Number.isNaN(sum)) return false;
  }
  return true;
}

function softmaxRow(app, number, {z, p, g, dz, kin}, all) {
  const {op} = app.model.nodes[number];
  const support = supportOfRow(p);
  const tau = waterLevel(op, z, p, support);
  const shown = barsShown(z);
  const mean = g ? meanOf(op, p, g, support) : null;
  return [
    el("p", {class: "words"}, supportWords(p, support, tau),
       shown.length < z.length ? ` Shown are the ${shown.length} largest scores.` : ""),
    el("div", {class: "figures"},
       el("figure", {class: "tensor"},
          el("figcaption", {},
             tau === null ? "scores z and probabilities p" :
                            "scores z, with tau as the water level: what stands out is p"),
          tau === null ? barChart(app, shown, {values: z, tops: p, split: true}) :
                         barChart(app, shown, {values: z, level: tau, levelName: "tau", tops: p})),
       g ? el("figure", {class: "tensor"},
              el("figcaption", {}, mean === null ? "cotangent g and its product dz" : mean.words),
              barChart(app, shown, {
                values: g,
                level: mean?.value ?? null,
                levelName: "mean",
                tops: dz,
                faint: (i) => p[i] === 0
              })) :
           null,
       kin.length === 1 ? jacobianFigure(op, z, p, all.tolerance) : null,
       z.length === 3 && op !== "sparse_softmax_as_written" ? simplexFigure(app, op, z, p, all) : null,
       kin.length > 1 ? kinFigure(app, number, z, kin, all.tolerance) : null),
  ];
}

function supportOfRow(p) { return p.flatMap((x, i) => (x > 0 ? [i] : [])); }

function supportWords(p, support, tau) {
  if (p.some(Number.isNaN)) return "A NaN or +∞ among the scores makes the whole row NaN.";
  if (support.length === 0) return "Everything is hidden: a row of zeros.";
  const list = support.slice(0, 12).join(", ") + (support.length > 12 ? ", …" : "");
  const what = support.length === p.length ?
      "All elements are positive." :
      `The support is {${list}}, ${support.length} of ${p.length}; the others are exactly 0.`;
  return tau === null ? what : `${what} tau = ${digits(tau, 6)}.`;
}

// z_i - p_i if it is the same on all of the support, else null: then the op has no threshold.
function waterLevel(op, z, p, support) {
  if (support.length === 0 || !op.startsWith("sparse_softmax")) return null;
  const levels = support.map((i) => z[i] - p[i]);
  const [low, high] = [Math.min(...levels), Math.max(...levels)];
  const sized = Math.max(1, ...support.map((i) => Math.abs(z[i])));
  return high - low <= 1e-5 * sized ? levels[0] : null;
}

// What the Jacobian subtracts: the mean of g over the support, for softmax and topk_softmax the mean under p.
function meanOf(op, p, g, support) {
  if (support.length === 0 || op === "sparse_softmax_as_written") return null;
  if (op === "sparse_softmax") {
    return {
      value: support.reduce((sum, i) => sum + g[i], 0) / support.length,
      words: "cotangent g: what differs from its mean over the support is dz"
    };
  }
  return {
    value: support.reduce((sum, i) => sum + p[i] * g[i], 0),
    words: "cotangent g and its mean under p: dz = p (g − mean)"
  };
}

function jacobianFigure(op, z, p, tolerance) {
  const {words, at} = jacobianOf(op, z, p, tolerance);
  const readout = el("p", {class: "readout", "aria-live": "polite"}, "∂p / ∂z");
  const size = clamp(Math.floor(200 / p.length), 7, 40);
  const matrix = {rows: p.length, columns: p.length, label: "Jacobian", at};
  const onPick = (i, j) => readout.replaceChildren(`∂p[${i}] / ∂z[${j}] = ${digits(at(i, j), 6)}`);
  return el(
      "figure", {class: "tensor"}, el("figcaption", {}, at ? `Jacobian ${words}` : words),
      at ? [matrixView(matrix, {most: 1, size, onPick}).element, readout] : null);
}

// All places, or those of the largest scores, in order.
function barsShown(z) {
  const places = z.map((_, i) => i);
  if (z.length <= SOFTMAX_BARS) return places;
  return placesByScore(z).slice(0, SOFTMAX_BARS).sort((a, b) => a - b);
}

// The largest score first; of equal ones the first, as the ops have it.
function placesByScore(z) { return z.map((_, i) => i).sort((a, b) => z[b] - z[a] || a - b); }
