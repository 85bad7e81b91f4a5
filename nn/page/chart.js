// Memory and time along the tape, under the scrubber.

const CHART_INSET = 8;  // half the scrubber's thumb, so that the cursor stands under it

function makeChart(app) {
  const canvas = el("canvas", {class: "chart", "aria-hidden": "true"});
  const words = el("p", {class: "chart-words"});
  const element = el("div", {class: "chart-frame"}, canvas, words);
  let background = null;  // what does not change from step to step

  const stepAt = (event) => {
    const bounds = canvas.getBoundingClientRect();
    const part = (event.clientX - bounds.left - CHART_INSET) / (bounds.width - 2 * CHART_INSET);
    return Math.round(clamp(part, 0, 1) * (app.model.steps - 1));
  };
  const follow = (event) => event.buttons === 1 && app.go(stepAt(event));
  canvas.addEventListener("pointerdown", follow);
  canvas.addEventListener("pointermove", follow);
  new ResizeObserver(() => {
    background = null;
    show();
  }).observe(canvas);

  const show = () => {
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width) return;
    const scale = window.devicePixelRatio || 1;
    if (!background) {
      background = el("canvas", {width: Math.round(width * scale), height: Math.round(height * scale)});
      paintChart(background.getContext("2d"), app, width, height, scale);
      canvas.width = background.width;
      canvas.height = background.height;
    }
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(background, 0, 0);
    const x = CHART_INSET + (app.step / Math.max(1, app.model.steps - 1)) * (width - 2 * CHART_INSET);
    context.fillStyle = app.colors.ink;
    context.fillRect(Math.round(x * scale) - 1, 0, 2, canvas.height);
    words.replaceChildren(...chartWords(app));
  };
  return {element, show, reset: () => { background = null; }};
}

function chartWords({model, step}) {
  const peak = model.peak ??= model.bytes.indexOf(Math.max(0, ...maximaOf(model.bytes)));
  return [
    el("span", {}, "step ", el("b", {}, (step + 1).toLocaleString("en")),
       ` of ${model.steps.toLocaleString("en")}`),
    el("span", {}, el("i", {class: "swatch area", "aria-hidden": "true"}),
       el("span", {class: "roomy"}, "memory "), el("b", {}, bytesText(model.bytes[step])),
       el("span", {class: "roomy"}, `, peak ${bytesText(model.bytes[Math.max(0, peak)])}`)),
    el("span", {}, el("i", {class: "swatch bars", "aria-hidden": "true"}),
       el("span", {class: "roomy", title: "the bars are logarithmic"}, "this step "),
       el("b", {}, model.time[step] > 0 ? secondsText(model.time[step]) : "–")),
  ];
}

// The maxima of blocks of an array that may be too long to spread into one call.
function maximaOf(values) {
  const maxima = [];
  for (let from = 0; from < values.length; from += 10000)
    maxima.push(Math.max(...values.subarray(from, from + 10000)));
  return maxima;
}

// Each column of pixels shows the largest value of its steps. Times differ by orders of magnitude, so their
// bars are logarithmic, from a tenth of the median up.
function paintChart(context, {model, colors}, width, height, scale) {
  context.scale(scale, scale);
  const inner = width - 2 * CHART_INSET;
  const last = Math.max(1, model.steps - 1);
  const columns = Math.max(1, Math.min(Math.floor(inner), model.steps));
  const bytes = new Float64Array(columns);
  const times = new Float64Array(columns);
  for (let step = 0; step < model.steps; ++step) {
    const column = Math.min(columns - 1, Math.floor((step * columns) / model.steps));
    bytes[column] = Math.max(bytes[column], model.bytes[step]);
    times[column] = Math.max(times[column], model.time[step]);
  }
  const split = Math.round(height * 0.62);

  for (let w = 0; w < model.walks.length; ++w) {
    const from = CHART_INSET + (model.beginOf[w] / last) * inner;
    const to = CHART_INSET + ((model.beginOf[w] + model.walks[w].visits.length + 1) / last) * inner;
    context.fillStyle = colors.walk;
    context.fillRect(from, 0, Math.max(1, to - from), height);
  }
  const most = Math.max(...maximaOf(bytes), 1);
  const x = (column) => CHART_INSET + (column / columns) * inner;
  context.beginPath();
  context.moveTo(x(0), split);
  for (let column = 0; column < columns; ++column) {
    const y = split - (bytes[column] / most) * (split - 4);
    context.lineTo(x(column), y);
    context.lineTo(x(column + 1), y);
  }
  context.lineTo(x(columns), split);
  context.fillStyle = colors.area;
  context.fill();

  const known = times.filter((time) => time > 0).sort();
  if (known.length === 0) return;
  const low = Math.log(known[known.length >> 1] / 10);
  const range = Math.max(Math.log(known[known.length - 1]) - low, 1e-9);
  context.fillStyle = colors.bars;
  const gap = inner / columns > 4 ? 1 : 0;
  for (let column = 0; column < columns; ++column) {
    if (times[column] <= 0) continue;
    const part = clamp((Math.log(times[column]) - low) / range, 0.04, 1);
    const tall = part * (height - split - 4);
    context.fillRect(x(column), height - tall, inner / columns - gap, tall);
  }
}
