// Rows of three scores: the triangle of probabilities, in the plane x + y + z = 1, with the regions of scores
// that have the same support. Scores are moved into the plane along (1, 1, 1), which changes no probability.

const CORNER_HUES = [[0, 114, 178], [213, 94, 0], [0, 158, 115]];

function simplexFigure(app, op, z, p, all) {
  if (![...z, ...p].every(Number.isFinite)) return null;
  const size = Math.min(300, app.width() - 8);
  const height = Math.round(size * 0.88);
  const side = size * 0.5;
  const center = [size / 2, height * 0.56];
  const corners = [
    [0, -side / Math.sqrt(3)], [-side / 2, side / (2 * Math.sqrt(3))], [side / 2, side / (2 * Math.sqrt(3))]
  ];
  const project = (point) => {
    const shift = (point[0] + point[1] + point[2] - 1) / 3;
    return [0, 1].map(
        (axis) =>
            center[axis] + corners.reduce((sum, corner, i) => sum + (point[i] - shift) * corner[axis], 0));
  };
  const k = op === "softmax" ? 0 : consistentK(op, all);
  const canvas = el("canvas", {width: size, height, "aria-hidden": "true"});
  if (k > 0) paintRegions(canvas, center, side, (point) => supportOf(op, point, k));
  const inside = ([x, y]) => [clamp(x, 6, size - 6), clamp(y, 6, height - 6)];
  const at = {z: inside(project(z)), p: project(p)};
  const names = ["0", "1", "2"].map((name, i) => {
    const [x, y] = project([0, 1, 2].map((axis) => (axis === i ? 1.13 : -0.065)));
    return svg("text", {x, y: y + 4, class: "figure middle"}, name);
  });
  const drawing =
      svg("svg", {
        width: size,
        height,
        viewBox: `0 0 ${size} ${height}`,
        role: "img",
        "aria-label": `triangle of probabilities; p is ${p.map((x) => digits(x, 4)).join(", ")}`
      },
          svg("polygon", {
            points: [[1, 0, 0], [0, 1, 0], [0, 0, 1]].map((corner) => project(corner).join(",")).join(" "),
            class: "edge"
          }),
          names, svg("line", {x1: at.z[0], y1: at.z[1], x2: at.p[0], y2: at.p[1], class: "move"}),
          svg("circle", {cx: at.z[0], cy: at.z[1], r: 4.5, class: "dot-z"},
              svg("title", {}, `z = ${z.join(", ")}`)),
          svg("circle", {cx: at.p[0], cy: at.p[1], r: 5.5, class: "dot-p"},
              svg("title", {}, `p = ${p.join(", ")}`)));
  const regions =
      `regions of equal support, as for k ${k === 3 ? "≥ 3" : `= ${k}`}, which agrees with all rows`;
  return el(
      "figure", {class: "tensor simplex"},
      el("figcaption", {}, k > 0 ? regions : "the triangle of probabilities"),
      el("div", {class: "simplex-stage", style: `width:${size}px;height:${height}px`}, canvas, drawing),
      el("p", {class: "readout"}, "○ scores z, ● probabilities p"));
}

// The tape does not record k. The largest one under which all recorded rows have the supports that they have.
function consistentK(op, {z, p, rows}) {
  for (let k = 3; k > 1; --k) {
    let agreed = true;
    for (let row = 0; row < Math.min(rows.count, 200) && agreed; ++row) {
      const scores = [0, 1, 2].map((i) => z[rows.index(row, i)]);
      const mask = [0, 1, 2].reduce((sum, i) => sum + (p[rows.index(row, i)] > 0 ? 1 << i : 0), 0);
      agreed = !scores.every(Number.isFinite) || supportOf(op, scores, k) === mask;
    }
    if (agreed) return k;
  }
  return 1;
}

// As a mask of bits. sparse_softmax: the largest j <= k with 1 + j z_(j) > z_(1) + … + z_(j); topk_softmax:
// k.
function supportOf(op, z, k) {
  const order = [0, 1, 2].sort((a, b) => z[b] - z[a] || a - b);
  let sum = 0;
  let size = k;
  if (op === "sparse_softmax") {
    for (let j = 1; j <= k; ++j) {
      sum += z[order[j - 1]];
      if (1 + j * z[order[j - 1]] > sum)
        size = j;
      else
        break;
    }
    size = Math.min(size, k);
  }
  return order.slice(0, size).reduce((mask, i) => mask | (1 << i), 0);
}

function paintRegions(canvas, center, side, supportAt) {
  const {width, height} = canvas;
  const image = new ImageData(width, height);
  const colors = Array.from({length: 8}, (_, mask) => {
    const hues = CORNER_HUES.filter((_, i) => mask & (1 << i));
    return [0, 1, 2].map(
        (channel) => Math.round(hues.reduce((sum, hue) => sum + hue[channel], 0) / Math.max(1, hues.length)));
  });
  const opacity = isDark() ? 110 : 70;
  const tall = (side * Math.sqrt(3)) / 2;
  for (let y = 0, byte = 0; y < height; ++y) {
    for (let x = 0; x < width; ++x, byte += 4) {
      const top = 1 / 3 - (y - center[1]) / tall;  // barycentric coordinates of the pixel
      const right = (1 - top) / 2 + (x - center[0]) / side;
      image.data.set(colors[supportAt([top, 1 - top - right, right])], byte);
      image.data[byte + 3] = opacity;
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}
