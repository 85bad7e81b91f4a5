// The edges as arcs beside the rows. Only those are drawn that start or end in view.

// The pairs of rows that edges join, by the lower row and by the upper one: the sources of row r are
// sources.row[sources.first[r]] up to first[r + 1], and so are its targets. What lies inside a folded row has
// no arc, and several edges between two rows have one if a row is folded.
function layoutArcs(model, rows) {
  const from = [];
  const to = [];
  const folded = new Set();
  for (let number = 0; number < model.nodes.length; ++number) {
    for (const {node} of model.nodes[number].edges ?? []) {
      if (node === null || node === undefined) continue;
      const [source, target] = [rows.rowOf[node], rows.rowOf[number]];
      if (source === target) continue;
      if (rows.node[target] < 0 || rows.node[source] < 0) {
        const key = source * rows.count + target;
        if (folded.has(key)) continue;
        folded.add(key);
      }
      from.push(source);
      to.push(target);
    }
  }
  return {sources: grouped(to, from, rows.count), targets: grouped(from, to, rows.count)};
}

function grouped(by, values, count) {
  const first = new Int32Array(count + 1);
  for (const row of by) ++first[row + 1];
  for (let row = 0; row < count; ++row) first[row + 1] += first[row];
  const next = first.slice();
  const row = new Int32Array(values.length);
  by.forEach((key, place) => { row[next[key]++] = values[place]; });
  return {first, row};
}

function rowsJoined({first, row}, at) {
  return row.subarray(first[at], Math.min(first[at + 1], first[at] + ARCS_OF_ONE_ROW));
}

const ARCS_OF_ONE_ROW = 200;  // a leaf may have 100,000 uses: more lines than pixels

// canvas: as wide as the column of arcs and as high as the view. view: { top, height, rowHeight, first, last
// }. An edge lives as long as its closure: before and after, holds(row) is false and its arc is faint.
function drawArcs(canvas, arcs, view, holds, colors) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * scale);
  canvas.height = Math.round(view.height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  const line = (from, to) =>
      drawArc(canvas, context, view, from, to, holds(to) ? colors.arc : colors.gone, 1);
  for (let row = view.first; row <= view.last; ++row) {
    const [sources, targets] = [rowsJoined(arcs.sources, row), rowsJoined(arcs.targets, row)];
    for (const from of sources) line(from, row);
    for (const to of targets) {
      if (to < view.first || to > view.last) line(row, to);  // the others are drawn at that end
    }
    if (sources.length === 0 && targets.length === 0) continue;
    context.beginPath();
    context.arc(canvas.clientWidth - 8, middleOf(view, row), 2.2, 0, 2 * Math.PI);
    context.fillStyle = holds(row) ? colors.arc : colors.gone;
    context.fill();
  }
}

function middleOf(view, row) { return (row + 0.5) * view.rowHeight - view.top; }

function drawArc(canvas, context, view, from, to, color, width) {
  const [a, b] = [middleOf(view, from), middleOf(view, to)];
  const reach = Math.min(canvas.clientWidth - 12, 5 + 6.5 * Math.log2(1 + Math.abs(to - from)));
  context.beginPath();
  context.ellipse(
      canvas.clientWidth - 8, (a + b) / 2, Math.max(0, reach), Math.abs(b - a) / 2, 0, Math.PI / 2,
      (3 * Math.PI) / 2);
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke();
}

// All arcs of one row, in one colour.
function drawJoined(canvas, arcs, view, row, color) {
  const context = canvas.getContext("2d");
  for (const from of rowsJoined(arcs.sources, row)) drawArc(canvas, context, view, from, row, color, 1);
  for (const to of rowsJoined(arcs.targets, row)) drawArc(canvas, context, view, row, to, color, 1);
}

// The arcs that this step is about, pairs [from, to] of rows, with an arrow head at `to`.
function drawStrong(canvas, view, pairs, color) {
  const context = canvas.getContext("2d");
  context.fillStyle = color;
  for (const [from, to] of pairs) {
    drawArc(canvas, context, view, from, to, color, 2);
    const [x, y] = [canvas.clientWidth - 8, middleOf(view, to) + (to > from ? -1 : 1)];
    context.beginPath();
    context.moveTo(x + 4, middleOf(view, to));
    context.lineTo(x - 4, y - 4.5);
    context.lineTo(x - 4, y + 4.5);
    context.fill();
  }
}
