// The edges as arcs beside the rows. Only those are drawn that start or end in view.

// Between rows, each pair once: fromOf[to] and toOf[from] are lists of rows. What lies inside a folded row has no arc.
function layoutArcs(model, rows) {
  const sources = Array.from({ length: rows.count }, () => null);
  const targets = Array.from({ length: rows.count }, () => null);
  const folded = new Set();
  model.nodes.forEach(({ edges }, number) => {
    for (const edge of edges ?? []) {
      if (edge.node === null || edge.node === undefined) continue;
      const from = rows.rowOf[edge.node];
      const to = rows.rowOf[number];
      if (from === to) continue;
      if (rows.node[to] < 0 || rows.node[from] < 0) {
        const key = from * rows.count + to;
        if (folded.has(key)) continue;
        folded.add(key);
      }
      (sources[to] ??= []).push(from);
      (targets[from] ??= []).push(to);
    }
  });
  return { sources, targets };
}

const ARCS_OF_ONE_ROW = 200; // a leaf may have 100,000 uses: more lines than pixels

// canvas: as wide as the column of arcs and as high as the view. view: { top, height, rowHeight, first, last }.
// strong: pairs [from, to] of rows, drawn over the others with an arrow head at `to`.
function drawArcs(canvas, arcs, view, strong, colors, backward) {
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
  context.lineWidth = 1;
  context.strokeStyle = colors.arc;
  for (let row = view.first; row <= view.last; ++row) {
    for (const from of (arcs.sources[row] ?? []).slice(0, ARCS_OF_ONE_ROW)) {
      path(from, row);
      context.stroke();
    }
    for (const to of (arcs.targets[row] ?? []).slice(0, ARCS_OF_ONE_ROW)) {
      if (to >= view.first && to <= view.last) continue; // drawn at its other end
      path(row, to);
      context.stroke();
    }
  }
  context.fillStyle = colors.arc;
  for (let row = view.first; row <= view.last; ++row) {
    if (!arcs.sources[row] && !arcs.targets[row]) continue;
    context.beginPath();
    context.arc(width - 8, middle(row), 2.2, 0, 2 * Math.PI);
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
