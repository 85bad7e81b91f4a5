// The edges as arcs beside the rows. Only those are drawn that start or end in view.

// The pairs of rows that edges join, by the lower row and by the upper one: the sources of row r are
// sources.row[sources.first[r]] up to first[r + 1], and so are its targets. What lies inside a folded row has no arc, and
// several edges between two rows have one if a row is folded.
function layoutArcs(model, rows) {
  const from = [];
  const to = [];
  const folded = new Set();
  for (let number = 0; number < model.nodes.length; ++number) {
    for (const { node } of model.nodes[number].edges ?? []) {
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
  return { sources: grouped(to, from, rows.count), targets: grouped(from, to, rows.count) };
}

function grouped(by, values, count) {
  const first = new Int32Array(count + 1);
  for (const row of by) ++first[row + 1];
  for (let row = 0; row < count; ++row) first[row + 1] += first[row];
  const next = first.slice();
  const row = new Int32Array(values.length);
  by.forEach((key, place) => {
    row[next[key]++] = values[place];
  });
  return { first, row };
}

function rowsJoined({ first, row }, at) {
  return row.subarray(first[at], Math.min(first[at + 1], first[at] + ARCS_OF_ONE_ROW));
}

const ARCS_OF_ONE_ROW = 200; // a leaf may have 100,000 uses: more lines than pixels

// canvas: as wide as the column of arcs and as high as the view. view: { top, height, rowHeight, first, last }. An edge
// lives as long as its closure: before and after, holds(row) is false and its arc is faint.
// strong: pairs [from, to] of rows, drawn over the others with an arrow head at `to`.
function drawArcs(canvas, arcs, view, holds, strong, colors, backward) {
  const width = canvas.clientWidth;
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(view.height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  const middle = (row) => (row + 0.5) * view.rowHeight - view.top;
  const path = (from, to) => {
    const a = middle(from);
    const b = middle(to);
    const reach = Math.min(width - 12, 5 + 6.5 * Math.log2(1 + Math.abs(to - from)));
    context.beginPath();
    context.ellipse(width - 8, (a + b) / 2, reach, Math.abs(b - a) / 2, 0, Math.PI / 2, (3 * Math.PI) / 2);
  };
  const line = (from, to) => {
    path(from, to);
    context.strokeStyle = holds(to) ? colors.arc : colors.gone;
    context.stroke();
  };
  context.lineWidth = 1;
  for (let row = view.first; row <= view.last; ++row) {
    for (const from of rowsJoined(arcs.sources, row)) line(from, row);
    for (const to of rowsJoined(arcs.targets, row)) {
      if (to < view.first || to > view.last) line(row, to); // the others are drawn at that end
    }
  }
  for (let row = view.first; row <= view.last; ++row) {
    if (rowsJoined(arcs.sources, row).length === 0 && rowsJoined(arcs.targets, row).length === 0) continue;
    context.beginPath();
    context.arc(width - 8, middle(row), 2.2, 0, 2 * Math.PI);
    context.fillStyle = holds(row) ? colors.arc : colors.gone;
    context.fill();
  }
  context.lineWidth = 2;
  context.strokeStyle = context.fillStyle = backward ? colors.back : colors.forth;
  for (const [from, to] of strong) {
    path(from, to);
    context.stroke();
    arrowHead(context, width - 8, middle(to), to > from ? -1 : 1);
  }
}

// The arc arrives from the left, bent from above (-1) or from below (1).
function arrowHead(context, x, y, side) {
  context.beginPath();
  context.moveTo(x + 4, y);
  context.lineTo(x - 4, y + side * 1 - 4.5);
  context.lineTo(x - 4, y + side * 1 + 4.5);
  context.fill();
}
