// Lens on sparse_attention. Its probabilities and their cotangents stand in slots, k for each query; which key
// a slot belongs to, the pattern knows that the closures hold. The lens spreads the slots out to a matrix of
// queries and keys and shows the products that run along it.

function attentionLens({app, number, node, visit}) {
  const pattern = patternHeld(app.model, node);
  if (!pattern) return null;
  const keys = app.model.tensors[pattern.keys];
  const views = numbersOf(keys) === null ? null : viewsOfAttention(app, number, visit, pattern);
  return [
    views && views.length ? alongThePattern(app, number, pattern, views) : null,
    visit || pattern.tiles === undefined || numberWith(app.model, pattern, number) > 0 ?
        null :
        tilesSection(app.model.tensors[pattern.tiles], pattern.shape[2]),
  ];
}

// { shape, keys, tiles } of the sparse pattern in the node's closures: places in "tensors".
function patternHeld(model, node) {
  for (const {holds} of node.edges ?? [])
    for (const {shape, contents} of holds ?? [])
      if (contents && contents.keys !== undefined) return {shape, ...contents};
  return null;
}

// The place of a node among those that hold the pattern: the forward pass records scores, probabilities and
// their product with the values.
function numberWith(model, pattern, number) {
  let place = 0;
  for (let each = 0; each < number; ++each)
    place += patternHeld(model, model.nodes[each])?.keys === pattern.keys;
  return place;
}

// What there is to see, each { name, of(problem) } with of() giving { only }, a matrix to look at, or the
// product { left, right, result } of two. The node is one of four:
//   centered  (weights): factor times (weight - mean of its row), slots to slots
//   gather    (weights, X): W X
//   scatter   (weights, X): W^T X
//   dot       (X, Y): the elements of X Y^T in the pattern
// The first dot keeps no scores: its result is the probabilities, and it is there for their cotangent. The
// others are recorded by walks alone, so that they are seen at their visits only.
function viewsOfAttention(app, number, visit, pattern) {
  const {model} = app;
  const node = model.nodes[number];
  const matrix = (place, name, of) => place !== null && numbersOf(model.tensors[place]) ?
      {name, of: (b) => of(model.tensors[place], name, b)} :
      null;
  const slots = (place, name) => matrix(place, name, (...given) => spreadOut(model, pattern, ...given));
  const rows = (place, name) => matrix(place, name, problemOf);
  const turned = (m) => m && {name: `${m.name}ᵀ`, of: (b) => transposedMatrix(m.of(b))};
  const only = (m) => m && {name: m.name, of: (b) => ({only: m.of(b)})};
  const product = (left, right, result) => left && right && result && {
    name: `${result.name} = ${left.name} ${right.name}`,
    of: (b) => ({left: left.of(b), right: right.of(b), result: result.of(b)})
  };
  const input = (argument) => tensorOfInput(model, node.inputs[argument]);
  const sent = (argument) => visit.contributions.find((each) => each.argument === argument)?.value ?? null;
  const dots = (g, x, y) =>
      [product(slots(visit.cotangent, g), rows(input(1), y), rows(sent(0), `d${x}`)),
       product(turned(slots(visit.cotangent, g)), rows(input(0), x), rows(sent(1), `d${y}`))];
  const place = numberWith(model, pattern, number);
  const [P, V] = place === 2 ? ["P", "V"] : ["W", "X"];
  const [w, x] = [() => slots(input(0), P), () => rows(input(1), V)];
  const dy = () => rows(visit.cotangent, "dY");
  const views = {
    centered: () => visit ? [only(slots(visit.cotangent, "dP")), only(slots(sent(0), "G"))] :
                            [only(slots(node.value, "P"))],
    dot: () =>
        visit ? (place > 0 ? dots("dZ", "X", "Y") : dots("G", "Q", "K")) : [only(slots(node.value, "P"))],
    gather: () => visit ?
        [
          product(dy(), turned(x()), slots(sent(0), `d${P}`)),
          product(turned(w()), dy(), rows(sent(1), `d${V}`))
        ] :
        [product(w(), x(), rows(node.value, "Y"))],
    unknown: () => [],
    scatter: () =>
        [product(x(), turned(dy()), slots(sent(0), `d${P}`)), product(w(), dy(), rows(sent(1), `d${V}`))],
  };
  return views[kindOfNode(model, node, pattern, place)]().filter(Boolean);
}

// In the forward pass the place tells the kind; in a walk it is the one that agrees with the recorded numbers, for
// shapes alone don't tell if there are as many keys as queries.
function kindOfNode(model, node, pattern, place) {
  const places = [...node.inputs.map((input) => tensorOfInput(model, input)), node.value];
  if (places.length === 2) return "centered";
  if (place === 0) return "dot";
  if (place === 2) return "gather";
  const [weights, x, y] = places.map((place) => model.tensors[place]);
  const shapeOfSlots = model.tensors[pattern.keys].shape;
  const known = [weights, x, y].every((tensor) => tensor && numbersOf(tensor));
  if (!known) return "unknown";
  if (shapeText(weights.shape) !== shapeText(shapeOfSlots)) return "dot";
  const numbers = ({rows, columns, at}) => {
    const elements = [];
    for (let i = 0; i < rows; ++i)
      for (let j = 0; j < columns; ++j) elements.push(at(i, j));
    return {rows, columns, numbers: elements};
  };
  const [B, C] = [x, y].map((tensor) => numbers(problemOf(tensor, "", 0)));
  const isProduct = (left) =>
      agrees({A: numbers(left), B, C, bias: null, transposed: [false, false], names: ["", "", ""]});
  const left = spreadOut(model, pattern, weights, "", 0);
  return isProduct(left) ? "gather" : isProduct(transposedMatrix(left)) ? "scatter" : "dot";
}

// Problem b of a tensor of rank 3.
function problemOf(tensor, label, b) {
  const [rows, columns] = tensor.shape.slice(-2);
  return matrixOf({numbers: numbersOf(tensor), rows, columns}, b, label);
}

// Slots as a matrix of queries and keys, an exact 0 in all other places; has(i, j) says which are slots.
function spreadOut(model, pattern, tensor, label, b) {
  const [, rows, columns] = pattern.shape;
  const keys = numbersOf(model.tensors[pattern.keys]);
  const weights = numbersOf(tensor);
  const k = keys.length / (pattern.shape[0] * rows);
  const slot = (i, j) => {
    for (let s = (b * rows + i) * k, end = s + k; s < end; ++s)
      if (keys[s] === j || Number.isNaN(keys[s])) return s;
    return -1;
  };
  return {
    rows,
    columns,
    label,
    at: (i, j) => (slot(i, j) < 0 ? 0 : weights[slot(i, j)]),
    has: (i, j) => slot(i, j) >= 0,
  };
}

function alongThePattern(app, number, pattern, views) {
  const stage = el("div", {class: "product-stage"});
  const [problems, queries, keys] = pattern.shape;
  const most = app.model.tensors[pattern.keys].shape[2];
  let problem = 0;
  let choice = 0;
  const draw = () => {
    const {only, ...product} = views[choice].of(problem);
    stage.replaceChildren(...(only ? patternView(app, only) : productView(app, product)).filter(Boolean));
  };
  const tabs = switcher(app, `${number}.along`, "what to look at", views.map(({name}) => name), (place) => {
    choice = place;
    draw();
  });
  const matrices = picker(app, `${number}.problem`, "matrix", problems, String, (place) => {
    problem = place;
    draw();
  });
  return section(
      "Along the pattern",
      el("p", {class: "words"},
         `Each of ${counted(queries, "query", "queries")} keeps at most ${most} of ${counted(keys, "key")}. `,
         "Here the kept pairs stand in their places; what is blank is an exact 0 that takes neither memory nor time."),
      el("div", {class: "lens-head"}, tabs, matrices), stage);
}

// A matrix of queries and keys by itself.
function patternView(app, matrix) {
  const numbers = [];
  for (let i = 0; i < matrix.rows; ++i)
    for (let j = 0; j < matrix.columns; ++j) numbers.push(matrix.at(i, j));
  const readout =
      el("p", {class: "readout", "aria-live": "polite"}, `${matrix.label}: a row is a query, a column a key`);
  const size = clamp(Math.floor(Math.min(app.width() - 8, 620) / matrix.columns), 1, 44);
  const onPick = (i, j) => readout.replaceChildren(
      `${matrix.label}[${i}, ${j}] `,
      ...(matrix.has(i, j) ? ["= ", numberElement("b", matrix.at(i, j))] :
                             [`is not kept: query ${i} leaves key ${j} out`]));
  return [matrixView(matrix, {most: largestSize(numbers), size, onPick}).element, readout];
}

// What became of the tiles: SparsePattern::Tile in ops/kernels/attention/sparse_pattern.hpp.
const TILES = [
  ["tile-hidden", "causal: not multiplied"],
  ["tile-masked", "multiplied, all of it masked"],
  ["tile-below-maximum", "multiplied; none above the maximum so far less 1"],
  ["tile-below-kth", "multiplied; none above the k-th largest so far"],
  ["tile-below-tau", "multiplied; none above what tau can't fall below"],
  ["tile-scanned", "multiplied and scanned for candidates"],
];
const TILE_KEYS = 1024;  // SparsePattern::keys_per_tile

// A bar for each tile of keys: which share of the queries needed it, and why not the others.
function tilesSection(tensor, keys) {
  const {numbers, columns: tiles} = slicesOf(tensor);
  const steps = tensor.steps ?? [1, 1, 1];
  const total = TILES.map(() => 0);
  const bars = [];
  for (let t = 0; t < tiles; ++t) {
    const counts = TILES.map(() => 0);
    for (let at = t; at < numbers.length; at += tiles) {
      ++counts[numbers[at]];
      ++total[numbers[at]];
    }
    const tile = t * steps[2];
    const rows = numbers.length / tiles;
    const words = counts.map((count, fate) => (count ? `${percentOf(count, rows)} ${TILES[fate][1]}` : ""))
                      .filter(Boolean)
                      .join("; ");
    const first = tile * TILE_KEYS;
    bars.push(el(
        "li", {}, el("span", {class: "tile-keys"}, `keys ${first}–${Math.min(first + TILE_KEYS, keys) - 1}`),
        el("span", {class: "tile-bar", role: "img", "aria-label": words, title: words},
           counts.map(
               (count, fate) => count ?
                   el("i", {class: TILES[fate][0], style: `width:${(100 * count) / rows}%`}) :
                   null))));
  }
  return section(
      "Tiles of scores",
      el("p", {class: "words"}, `The scores are made ${TILE_KEYS} keys at a time and never stored. `,
         keys <= TILE_KEYS ? "Here all keys are in one tile." :
                             "A bar is a tile: the share of the queries for which this became of it."),
      el("ul", {class: "tile-legend"},
         TILES.map(
             ([name, words], fate) => total[fate] ?
                 el("li", {}, el("i", {class: name, "aria-hidden": "true"}),
                    `${percentOf(total[fate], numbers.length)} ${words}`) :
                 null)),
      el("ol", {class: "tiles"}, bars));
}

function percentOf(part, whole) { return `${digits((100 * part) / whole, 3)} %`; }
