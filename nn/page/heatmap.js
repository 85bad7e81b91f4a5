// A matrix on a canvas: a heat map, with digits in the cells that have room for them.

// Colours diverge from 0: blue is positive, orange negative (Okabe and Ito), darker or lighter with the size.
// An exact 0 stays blank; what is not finite has a colour of its own.
const RAMPS = {
  light: {
    positive: [[218, 235, 246], [72, 154, 208], [0, 66, 118]],
    negative: [[252, 229, 212], [224, 122, 50], [132, 50, 0]],
    nan: [200, 0, 130],
    inf: [90, 20, 120],
    minus: [203, 209, 216]
  },
  dark: {
    positive: [[28, 50, 70], [38, 128, 188], [160, 218, 250]],
    negative: [[68, 43, 28], [205, 104, 40], [255, 205, 150]],
    nan: [255, 90, 190],
    inf: [190, 140, 255],
    minus: [70, 78, 88]
  },
};

function isDark() { return window.matchMedia("(prefers-color-scheme: dark)").matches; }

// [r, g, b], or null for an exact 0.
function shade(x, most) {
  const ramps = isDark() ? RAMPS.dark : RAMPS.light;
  if (Number.isNaN(x)) return ramps.nan;
  if (x === Infinity) return ramps.inf;
  if (x === -Infinity) return ramps.minus;
  if (x === 0) return null;
  const [low, middle, high] = x > 0 ? ramps.positive : ramps.negative;
  const t = most > 0 ? Math.min(1, Math.abs(x) / most) : 0;
  const [from, to, part] = t < 0.5 ? [low, middle, 2 * t] : [middle, high, 2 * t - 1];
  return from.map((value, channel) => Math.round(value + part * (to[channel] - value)));
}

function largestSize(numbers) {
  let most = 0;
  for (const x of numbers) {
    const size = Math.abs(x);
    if (size > most && size < Infinity) most = size;
  }
  return most;
}

// matrix: { rows, columns, at(i, j), label }. options: { most, size, onPick(i, j) }: the number with the
// darkest colour, the side of a cell in pixels, and who hears of the cell under the pointer or the cursor.
function matrixView(matrix, {most, size, onPick}) {
  const {rows, columns, at} = matrix;
  const width = columns * size;
  const height = rows * size;
  const scale = window.devicePixelRatio || 1;
  const canvas = el("canvas", {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
    tabindex: "0",
    role: "application",
    "aria-roledescription": "heat map",
    "aria-label": `${matrix.label}, ${rows} by ${columns}; arrow keys move over the cells`,
    style: `width:${width}px;aspect-ratio:${width}/${height}`,
  });
  const marks = el("div", {class: "marks", "aria-hidden": "true"});
  const element = el("div", {class: "matrix"}, canvas, marks);
  paintMatrix(canvas, matrix, most, size, scale);

  const percent = (part, whole) => `${(100 * part) / whole}%`;
  const box = (i, j, tall, wide, name) => el("div", {
    class: name,
    style: `left:${percent(j, columns)};top:${percent(i, rows)};` +
        `width:${percent(wide, columns)};height:${percent(tall, rows)}`,
  });
  let cell = null;
  const mark = ({row = -1, column = -1, cell: marked = null}) => {
    marks.replaceChildren(...[row >= 0 ? box(row, 0, 1, columns, "band") : null,
                              column >= 0 ? box(0, column, rows, 1, "band") : null,
                              marked ? box(marked[0], marked[1], 1, 1, "cell") : null,
    ].filter(Boolean));
  };
  const pick = (i, j) => {
    cell = [i, j];
    mark({cell});
    onPick(i, j);
  };
  const point = (event) => {
    const bounds = canvas.getBoundingClientRect();
    pick(
        clamp(Math.floor(((event.clientY - bounds.top) / bounds.height) * rows), 0, rows - 1),
        clamp(Math.floor(((event.clientX - bounds.left) / bounds.width) * columns), 0, columns - 1));
  };
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
  canvas.addEventListener("focus", () => {
    if (canvas.matches(":focus-visible") && !cell) pick(0, 0);
  });
  canvas.addEventListener("keydown", (event) => {
    const move = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
    if (!move) return;
    const [i, j] = cell ?? [0, 0];
    pick(clamp(i + move[0], 0, rows - 1), clamp(j + move[1], 0, columns - 1));
    event.preventDefault();
    event.stopPropagation();
  });
  return {element, mark};
}

function paintMatrix(canvas, {rows, columns, at}, most, size, scale) {
  if (rows === 0 || columns === 0) return;
  const image = new ImageData(columns, rows);
  for (let i = 0, byte = 0; i < rows; ++i) {
    for (let j = 0; j < columns; ++j, byte += 4) {
      const color = shade(at(i, j), most);
      if (!color) continue;
      image.data.set(color, byte);
      image.data[byte + 3] = 255;
    }
  }
  const small = el("canvas", {width: columns, height: rows});
  small.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  context.scale(scale, scale);
  if (size >= 30)
    writeDigits(context, rows, columns, at, most, size);
  else if (size >= 8)
    crossOut(context, rows, columns, at, size);
}

function writeDigits(context, rows, columns, at, most, size) {
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let i = 0; i < rows; ++i) {
    for (let j = 0; j < columns; ++j) {
      const x = at(i, j);
      if (x === 0) continue;
      const color = shade(x, most);
      const bright = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 140;
      context.fillStyle = bright ? "#111" : "#fff";
      const text = digits(x, 3);
      context.font =
          `${clamp((1.42 * size) / Math.max(text.length, 3), 8, 13)}px system-ui, "DejaVu Sans", sans-serif`;
      context.fillText(text, (j + 0.5) * size, (i + 0.5) * size, size - 2);
    }
  }
}

// A hint of a tensor for a row of the list: its first matrix, with some rows and columns left out if it has
// many.
function thumbnail(tensor) {
  const view = slicesOf(tensor);
  const stride = Math.max(1, Math.ceil(view.columns / 20), Math.ceil(view.rows / 9));
  const [rows, columns] = [Math.ceil(view.rows / stride), Math.ceil(view.columns / stride)];
  const size = clamp(Math.floor(18 / rows), 2, 6);
  const scale = window.devicePixelRatio || 1;
  const canvas = el("canvas", {
    class: "thumbnail",
    "aria-hidden": "true",
    width: columns * size * scale,
    height: rows * size * scale,
    style: `width:${columns * size}px;height:${rows * size}px`
  });
  const matrix = {rows, columns, at: (i, j) => view.numbers[i * stride * view.columns + j * stride] ?? 0};
  paintMatrix(canvas, matrix, largestSize(view.numbers), 0, scale);
  return canvas;
}

// What is not finite has a cross besides its colour.
function crossOut(context, rows, columns, at, size) {
  context.strokeStyle = isDark() ? "#000" : "#fff";
  context.lineWidth = 1.5;
  context.beginPath();
  for (let i = 0; i < rows; ++i) {
    for (let j = 0; j < columns; ++j) {
      if (Number.isFinite(at(i, j))) continue;
      const [x, y, inset] = [j * size, i * size, size * 0.28];
      context.moveTo(x + inset, y + inset);
      context.lineTo(x + size - inset, y + size - inset);
      context.moveTo(x + size - inset, y + inset);
      context.lineTo(x + inset, y + size - inset);
    }
  }
  context.stroke();
}
