// The softmax family side by side: what each of its ops makes of the same row of scores, with its Jacobian.
// All of it is read off the recorded scores and probabilities.

const KIN = ["softmax", "sparse_softmax", "sparse_softmax_as_written", "topk_softmax"];
const JACOBIAN_SCORES = 24;  // longer rows have no picture of their Jacobian
const KIN_BARS = 84;         // pixels

// [{ number, op, p }]: the nodes of the family that normalise the same rows of the same input; p has all rows.
function kinOf(model, number, rows) {
  const [input] = model.nodes[number].inputs;
  const kin = [];
  model.nodes.forEach(({op, inputs, value}, each) => {
    if (!KIN.includes(op) || inputs[0].node !== input.node || inputs[0].value !== input.value) return;
    const tensor = model.tensors[value];
    const p = numbersOf(tensor);
    if (p && rowsOf(tensor.shape, p, op)?.axis === rows.axis) kin.push({number: each, op, p});
  });
  return kin;
}

// Of dp / dz the formula and at(i, j); without at, the words say why it can't be told. tolerance: by how much
// rounding takes equal numbers of size 1 apart.
function jacobianOf(op, z, p, tolerance) {
  if (p.some(Number.isNaN)) return {words: "no Jacobian: a row of NaN"};
  if (op === "softmax" || op === "topk_softmax")
    return {words: "diag(p) − p pᵀ", at: (i, j) => (i === j ? p[i] : 0) - p[i] * p[j]};
  const support = supportOfRow(p);
  let [formula, averaged] = ["diag(s) − s sᵀ / m, m", support];  // the scores that the level follows
  if (op === "sparse_softmax_as_written") {
    const counts = countsOf(z, waterLevel(op, z, p, support), tolerance);
    if (counts.length === 0) return {words: "no Jacobian: p does not tell k"};
    if (counts.length > 1) return {words: `no Jacobian: k may be ${counts.join(" or ")}, p is the same`};
    [formula, averaged] = ["diag(s) − s tᵀ / k, k", placesByScore(z).slice(0, counts[0])];
  }
  const follows = new Set(averaged);
  return {
    words: `${formula} = ${averaged.length}`,
    at: (i, j) => (p[i] > 0 ? (i === j ? 1 : 0) - (follows.has(j) ? 1 / averaged.length : 0) : 0)
  };
}

// Every k with which (sum of the k largest - 1) / k is the level. A hidden score is none of them.
function countsOf(z, level, tolerance) {
  if (level === null) return [];
  const largest = placesByScore(z).map((i) => z[i]).filter((score) => score > -Infinity);
  const near = tolerance * Math.max(1, ...largest.map(Math.abs));
  let sum = 0;
  return largest.flatMap((score, place) => {
    sum += score;
    return Math.abs((sum - 1) / (place + 1) - level) <= near ? [place + 1] : [];
  });
}

// A column for each, with bars and a heat map of the same width; a cell picked in one is marked in all.
function kinFigure(app, current, z, kin, tolerance) {
  const columns = clamp(Math.floor((app.width() + 16) / 160), 1, kin.length);
  const side = clamp(Math.floor((app.width() + 16) / columns) - 16, 120, 168);
  const size = clamp(Math.floor(side / z.length), 5, 48);
  const highest = Math.max(...kin.flatMap(({p}) => p.filter(Number.isFinite)), 1e-30);
  const spoken = el("p", {class: "aloud", "aria-live": "polite"});
  const jacobians = kin.map(({op, p}) => jacobianOf(op, z, p, tolerance));
  const drawn = [];
  const pick = (i, j) => {
    for (const {at, mark, readout} of drawn) {
      mark({cell: [i, j]});
      readout.replaceChildren(`∂p[${i}] / ∂z[${j}] = `, numberElement("b", at(i, j)));
    }
    spoken.textContent =
        `∂p[${i}] / ∂z[${j}]: ` + drawn.map(({at, op}) => `${op} ${digits(at(i, j), 4)}`).join("; ");
  };
  const map = (op, {words, at}) => {
    const readout = el("p", {class: "readout"});
    const formula = el("p", {class: "soft"}, words);
    if (!at) return [el("div", {}, formula), readout];
    const matrix = {rows: z.length, columns: z.length, label: `Jacobian of ${op}`, at};
    const {element, mark} = matrixView(matrix, {most: 1, size, onPick: pick});
    readout.append("∂p / ∂z");
    drawn.push({op, at, mark, readout});
    return [el("div", {}, formula, element), readout];
  };
  const all = jacobians.flatMap(({at}) => at ? z.flatMap((_, i) => z.map((_, j) => at(i, j))) : []);
  return el(
      "figure", {class: "tensor kin"},
      el("figcaption", {}, "The same scores, by each op of the family: p, and its Jacobian ∂p / ∂z below"),
      el("ul", {style: `max-width:${kin.length * (168 + 16)}px`},
         kin.map(
             ({number, op, p}, place) =>
                 el("li", {"data-kin": op, "aria-current": number === current ? "true" : null},
                    el("p", {class: "name"}, kinName(app, number, current)), kinBars(op, p, {size, highest}),
                    kinNumbers(op, z, p), map(op, jacobians[place])))),
      legend(1, all), spoken);
}

// Names break after an underscore.
function kinName(app, number, current) {
  const words = app.model.nodes[number].op.split("_");
  const name = words.map((word, place) => place + 1 < words.length ? [`${word}_`, el("wbr")] : word);
  if (number === current) return [el("span", {class: "number"}, number), " ", name];
  return el(
      "button", {type: "button", class: "link", onclick: () => app.goToNode(number)}, `${number} `, name);
}

// Bar i stands over column i of the heat map. An exact 0 is a dash and no bar.
function kinBars(op, p, {size, highest}) {
  const width = p.length * size;
  const [top, bottom] = [16, KIN_BARS - 16];
  const marks = p.map((x, i) => {
    const middle = (i + 0.5) * size;
    const tall = Math.max(((bottom - top) * x) / highest, 1);
    const bar = x > 0 ?
        svg("rect",
            {class: "bar out", x: (i + 0.14) * size, width: 0.72 * size, y: bottom - tall, height: tall}) :
        null;
    const dash = svg(
        "line",
        {class: "dash", x1: middle - 0.2 * size, x2: middle + 0.2 * size, y1: bottom - 5, y2: bottom - 5});
    const above = size >= 30 && x !== 0;
    return svg(
        "g", {class: "p", "data-p": x}, svg("title", {}, `p[${i}] = ${x}`), x === 0 ? dash : bar,
        above ? svg("text", {class: "figure middle", x: middle, y: bottom - (x > 0 ? tall : 0) - 4},
                    digits(x, 3)) :
                null,
        size >= 18 ? svg("text", {class: "tick middle", x: middle, y: KIN_BARS - 3}, i) : null);
  });
  const spoken = p.map((x, i) => `${i}: ${x === 0 ? "exactly 0" : digits(x, 4)}`).join("; ");
  return svg(
      "svg", {
        class: "bars-chart",
        width,
        height: KIN_BARS,
        viewBox: `0 0 ${width} ${KIN_BARS}`,
        role: "img",
        "aria-label": `p of ${op}: ${spoken}`
      },
      svg("line", {class: "axis", x1: 0, x2: width, y1: bottom, y2: bottom}), marks);
}

function kinNumbers(op, z, p) {
  const tau = waterLevel(op, z, p, supportOfRow(p));
  const said = (name, content) => el("div", {}, el("dt", {}, name), el("dd", {}, content));
  return el(
      "dl", {}, said("sum", numberElement("span", p.reduce((sum, x) => sum + x, 0))),
      said("tau", tau === null ? el("span", {class: "soft"}, "none") : numberElement("span", tau)));
}
