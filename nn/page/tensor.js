// A tensor as a figure: its numbers in a grid if it is small, heat maps with a readout if it is not.

const GRID_SIDE = 8;  // rows and columns of a grid at most
const GRID_SLICES = 6;
const MAP_SLICES = 8;  // heat maps of one tensor until the reader asks for all

// key names the place on the page, so that an update can find the numbers that stood there before.
function tensorFigure(app, place, caption, key) {
  const tensor = app.model.tensors[place];
  if (!tensor)
    return el(
        "figure", {class: "tensor"}, el("figcaption", {}, caption),
        el("p", {class: "soft"}, "recorded on another tape"));
  return el(
      "figure", {class: "tensor", "data-tensor": place, "data-figure": key},
      el("figcaption", {}, el("span", {class: "caption"}, caption), " ",
         el("span", {class: "shape"}, `${shapeText(tensor.shape)} ${tensor.dtype}`)),
      tensorBody(tensor));
}

function tensorBody(tensor) {
  const view = slicesOf(tensor);
  if (view.numbers.length === 0) return el("p", {class: "soft"}, "no elements");
  if (tensor.shape.length === 0) {
    return el("p", {class: "single"}, numberElement("span", view.numbers[0]));
  }
  const grids =
      !tensor.steps && view.columns <= GRID_SIDE && view.rows <= GRID_SIDE && view.slices <= GRID_SLICES;
  if (grids) {
    const most = largestSize(view.numbers);
    const parts = [];
    for (let slice = 0; slice < view.slices; ++slice)
      parts.push(sliceFigure(view, slice, gridOfSlice(view, slice, most)));
    return el("div", {class: "slices"}, parts);
  }
  return heatMaps(tensor, view);
}

// The elements that are there as a row of matrices. A long vector is broken into rows.
function slicesOf(tensor) {
  const steps = tensor.steps ?? tensor.shape.map(() => 1);
  const numbers = numbersOf(tensor) ?? Float64Array.from(tensor.elements, Number);
  const extents = tensor.shape.map((extent, axis) => Math.ceil(extent / steps[axis]));
  if (extents.length <= 1) {
    const length = numbers.length;
    const columns = Math.min(length, 64);
    return {
      numbers,
      steps,
      extents,
      slices: 1,
      rows: columns ? Math.ceil(length / columns) : 0,
      columns,
      vector: true
    };
  }
  const [rows, columns] = extents.slice(-2);
  return {
    numbers,
    steps,
    extents,
    slices: rows * columns ? numbers.length / (rows * columns) : 0,
    rows,
    columns,
    vector: false
  };
}

// The indices in the whole tensor of element (i, j) of a slice.
function indicesOf(view, slice, i, j) {
  if (view.vector) return [(i * view.columns + j) * (view.steps[0] ?? 1)];
  const indices = [j, i];
  for (let axis = view.extents.length - 3; axis >= 0; --axis) {
    indices.push(slice % view.extents[axis]);
    slice = Math.floor(slice / view.extents[axis]);
  }
  return indices.reverse().map((index, axis) => index * view.steps[axis]);
}

function sliceName(view, slice) {
  return `[${[...indicesOf(view, slice, 0, 0).slice(0, -2), ":", ":"].join(", ")}]`;
}

function sliceFigure(view, slice, body) {
  if (view.vector || view.extents.length <= 2) return body;
  return el("div", {class: "slice"}, el("div", {class: "slice-name"}, sliceName(view, slice)), body);
}

function numberElement(name, x, most = 0, significant = 6) {
  const exact = String(x);
  const kind = !Number.isFinite(x) ? "odd" : x === 0 ? "zero" : x > 0 ? "plus" : "minus";
  const tint = most > 0 && x !== 0 ? `--tint:${Math.round(5 + (33 * Math.abs(x)) / most)}%` : null;
  return el(name, {class: kind, "data-value": exact, title: exact, style: tint}, digits(x, significant));
}

function gridOfSlice(view, slice, most) {
  const significant = clamp(9 - view.columns, 4, 6);
  const rows = [];
  for (let i = 0; i < view.rows; ++i) {
    const cells = [];
    for (let j = 0; j < view.columns; ++j) {
      const x = view.numbers[(slice * view.rows + i) * view.columns + j];
      cells.push(numberElement("td", x, most, significant));
    }
    rows.push(el("tr", {}, cells));
  }
  return el("div", {class: "scroll"}, el("table", {class: "grid"}, rows));
}

function heatMaps(tensor, view) {
  const readout = el("p", {class: "readout", "aria-live": "polite"}, summary(tensor, view));
  const most = largestSize(view.numbers);
  const wide =
      view.numbers.every((x) => x === view.numbers[0]) ? 90 : 300;  // one number everywhere needs no room
  const size = clamp(Math.floor(wide / Math.max(view.columns, view.rows / 2)), 1, view.slices > 1 ? 16 : 22);
  const perSlice = view.rows * view.columns;
  const map = (slice) => {
    const matrix = {
      rows: view.rows,
      columns: view.columns,
      label: `slice ${sliceName(view, slice)}`,
      at: (i, j) => view.numbers[slice * perSlice + i * view.columns + j] ?? 0,
    };
    if (view.extents.length <= 2) matrix.label = "values";
    const onPick = (i, j) => {
      const x = view.numbers[slice * perSlice + i * view.columns + j];
      if (x === undefined) return;
      readout.style.minHeight ||= `${readout.offsetHeight}px`;  // so that what is below it stays where it is
      readout.replaceChildren(`[${indicesOf(view, slice, i, j).join(", ")}] = `, numberElement("b", x));
    };
    return sliceFigure(view, slice, matrixView(matrix, {most, size, onPick}).element);
  };
  const shown = Math.min(view.slices, MAP_SLICES);
  const maps = el("div", {class: "slices"}, Array.from({length: shown}, (_, slice) => map(slice)));
  const more = view.slices > shown ? el("button", {
    type: "button",
    class: "quiet",
    onclick() {
      for (let slice = shown; slice < view.slices; ++slice) maps.append(map(slice));
      more.remove();
    }
  },
                                        `all ${view.slices} slices`) :
                                     null;
  return [maps, more, legend(most, view.numbers), readout];
}

function summary(tensor, view) {
  const [min, max, mean] = [tensor.min, tensor.max, tensor.mean].map((x) => digits(Number(x), 4));
  const range = tensor.min === undefined ? "" : `, from ${min} to ${max}, mean ${mean}`;
  if (tensor.steps) {
    const all = tensor.shape.reduce((a, b) => a * b, 1);
    return `a sample, in steps of (${tensor.steps.join(", ")}): ` +
        `${view.numbers.length.toLocaleString("en")} of ${counted(all, "element")}${range}`;
  }
  const lengthwise = view.vector && view.rows > 1 ? `, ${view.columns} to a line` : "";
  return `${counted(view.numbers.length, "element")}${lengthwise}${range}`;
}

// "NaN" or "∞" if a tensor has such an element, else "".
function oddWords(model, place) {
  const tensor = model.tensors[place];
  if (!tensor) return "";
  tensor.odd ??= tensor.elements.includes("NaN") ? "NaN" :
      tensor.elements.includes("Infinity")       ? "∞" :
      tensor.elements.includes("-Infinity")      ? "−∞" :
                                                   "";
  return tensor.odd;
}

function legend(most, numbers) {
  let zeros = 0;
  let odd = 0;
  for (const x of numbers) {
    if (x === 0)
      ++zeros;
    else if (!Number.isFinite(x))
      ++odd;
  }
  return el(
      "div", {class: "legend"}, el("span", {}, digits(-most, 3)), el("i", {"aria-hidden": "true"}),
      el("span", {}, digits(most, 3)),
      zeros ? el("span", {class: "zeros"}, `${zeros.toLocaleString("en")} exactly 0, blank`) : null,
      odd ? el("span", {class: "odd"}, `${odd.toLocaleString("en")} not finite`) : null);
}
