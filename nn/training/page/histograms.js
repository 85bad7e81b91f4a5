// Histograms of weights and gradients: the chosen parameter's at all steps, and those of the current step in numbers.

// The columns of a histogram in the data; the counts come after them.
const [STEP, LOW, HIGH, MEAN, DEVIATION, NOT_FINITE, COUNTS] = [0, 1, 2, 3, 4, 5, 6];

function mountHistograms(element, { parameters }, axis) {
  const rows = [...element.querySelectorAll("tbody tr")];
  const title = el("p", { class: "title" });
  const views = { weights: distribution("weights", axis), gradients: distribution("gradient", axis) };
  const detail = el("div", { class: "detail" }, title, ...Object.values(views).map((view) => view.element));
  let chosen = 0;
  element.classList.add("interactive");
  axis.add(parameters[0].weights.map((one) => one[STEP]));

  const at = (histograms) => histograms[lastUpTo(histograms.map((one) => one[STEP]), axis.current)];
  const show = () => {
    rows.forEach((row, i) => {
      const cells = row.querySelectorAll("td");
      [at(parameters[i].weights), at(parameters[i].gradients)].forEach((one, kind) => {
        cells[1 + kind].textContent = one ? digits(one[DEVIATION], 3) : "–";
      });
    });
    for (const [kind, view] of Object.entries(views)) view.show(parameters[chosen][kind], at(parameters[chosen][kind]));
  };
  const choose = (index) => {
    rows[chosen].classList.remove("chosen");
    rows[chosen].querySelector("button").removeAttribute("aria-current");
    chosen = index;
    rows[chosen].classList.add("chosen");
    rows[chosen].querySelector("button").setAttribute("aria-current", "true");
    title.textContent = `${parameters[chosen].name}, ${digits(parameters[chosen].size, 15)} ${parameters[chosen].size === 1 ? "element" : "elements"}`;
    detail.style.setProperty("--gutter", `${longestEnd(parameters[chosen])}ch`);
    show();
  };
  rows.forEach((row, i) => {
    const head = row.querySelector("th");
    head.replaceChildren(el("button", { type: "button", onclick: () => choose(i) }, ...head.childNodes));
  });
  element.prepend(slider(axis, () => [parameters[chosen].name, ...Object.values(views).map((view) => view.words())]));
  element.append(detail);
  axis.listen(show);
  whenColoursChange(show);
  new ResizeObserver(show).observe(views.weights.element);
  return () => choose(chosen);
}

// One kind of histogram: a column for each recorded step, and beside it the current one's bars, in its own range.
function distribution(kind, axis) {
  const words = el("p", {});
  const all = histogramPlot(`${kind}: a column for each recorded step, darker with more elements`);
  const one = histogramPlot(`${kind}: the elements in each bin at the current step`);
  const plots = el("div", { class: "plots" }, all.element, one.element);
  const element = el("div", { class: "distribution" }, words, plots);
  const panel = all.panel;
  all.element.classList.add("interactive");
  let histograms = [];
  let range = [0, 1];

  const follow = (event) => {
    if (histograms.length === 0) return;
    const bounds = panel.getBoundingClientRect();
    const column = clamp(Math.floor(histograms.length * (event.clientX - bounds.left) / bounds.width), 0, histograms.length - 1);
    axis.goTo(histograms[column][STEP]);
    const value = range[1] - (range[1] - range[0]) * (event.clientY - bounds.top) / bounds.height;
    showTip(binWords(histograms[column], value), event.clientX, event.clientY);
  };
  panel.addEventListener("pointermove", follow);
  panel.addEventListener("pointerdown", follow);
  panel.addEventListener("pointerleave", () => showTip(""));

  const show = (list, current) => {
    histograms = list.filter((each) => each[LOW] !== null);
    words.textContent = `${kind}: ${momentWords(current)}`;
    plots.hidden = histograms.length === 0;
    if (plots.hidden) return;
    range = rangeOf(histograms);
    all.label(range, [histograms[0], histograms[histograms.length - 1]].map((each) => digits(each[STEP], 12)));
    paint(all.canvas, (context, width, height) => paintColumns(context, width, height, histograms, range, current));
    one.element.hidden = !histograms.includes(current);
    if (one.element.hidden) return;
    const own = rangeOf([current]);
    one.label(own, ["0", digits(Math.max(...current.slice(COUNTS)), 15)]);
    paint(one.canvas, (context, width, height) => paintBars(context, width, height, current, own));
  };
  return { element, show, words: () => words.textContent };
}

// A canvas with labels: the ends of the range of values, and 0 between them, upwards; two words from left to right.
function histogramPlot(name) {
  const [up, across, canvas] = [el("div", { class: "up" }), el("div", { class: "across" }), el("canvas", {})];
  const panel = el("div", { class: "panel" }, canvas);
  const element = el("div", { class: "plot", role: "img", "aria-label": name }, up, panel, across);
  const label = ([low, high], ends) => {
    const zero = -low / (high - low);
    const texts = new Map([[0, endWords(low)], [100, endWords(high)]]);
    if (zero > 0.12 && zero < 0.88) texts.set(100 * zero, "0");
    up.replaceChildren(...[...texts].map(([place, text]) => el("span", { style: `bottom:${place}%` }, text)));
    across.replaceChildren(...ends.map((text, i) => el("span", { style: `left:${100 * i}%` }, text)));
  };
  return { element, panel, canvas, label };
}

function endWords(value) {
  return digits(value, 3);
}

// How many letters the longest end of a scale has at any step: all scales get room for it, so that they stand one above the other
// and stay where they are from step to step.
function longestEnd({ weights, gradients }) {
  const ends = [...weights, ...gradients].filter((one) => one[LOW] !== null).flatMap((one) => rangeOf([one]));
  return Math.max(1, ...ends.map((end) => endWords(end).length));
}

function momentWords(one) {
  if (!one) return "none at this step";
  const odd = one[NOT_FINITE] > 0 ? `, ${digits(one[NOT_FINITE], 15)} not finite` : "";
  if (one[LOW] === null) return `step ${digits(one[STEP], 12)}, no finite element${odd}`;
  return `step ${digits(one[STEP], 12)}, from ${digits(one[LOW], 3)} to ${digits(one[HIGH], 3)}, mean ${digits(one[MEAN], 3)}, ` +
         `deviation ${digits(one[DEVIATION], 3)}${odd}`;
}

// The bin around a value, and how many elements it holds.
function binWords(one, value) {
  const count = one.length - COUNTS;
  const width = (one[HIGH] - one[LOW]) / count;
  const bin = width === 0 ? 0 : Math.min(count - 1, Math.floor((value - one[LOW]) / width));
  if (value < one[LOW] || value > one[HIGH]) return `step ${digits(one[STEP], 12)}: from ${digits(one[LOW], 3)} to ${digits(one[HIGH], 3)}`;
  return `step ${digits(one[STEP], 12)}, ${digits(one[LOW] + bin * width, 3)} to ${digits(one[LOW] + (bin + 1) * width, 3)}: ${digits(one[COUNTS + bin], 15)}`;
}

// From the lowest to the highest value of all steps; equal ones get room around them.
function rangeOf(histograms) {
  const low = Math.min(...histograms.map((one) => one[LOW]));
  const high = Math.max(...histograms.map((one) => one[HIGH]));
  const room = low === high ? Math.abs(low) / 2 || 1 : 0;
  return [low - room, high + room];
}

// Draws in the screen's own pixels, so that no seam shows between bins.
function paint(canvas, draw) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * scale);
  canvas.height = Math.round(canvas.clientHeight * scale);
  draw(canvas.getContext("2d"), canvas.width, canvas.height);
}

// Calls draw(top, height, count) for each bin with elements in it. No bin is lower than two pixels.
function eachBin(one, [low, high], height, draw) {
  const bins = one.length - COUNTS;
  const place = (value) => Math.round(height * (high - value) / (high - low));
  for (let bin = 0; bin < bins; ++bin) {
    if (one[COUNTS + bin] === 0) continue;
    const top = place(one[LOW] + (bin + 1) / bins * (one[HIGH] - one[LOW]));
    const tall = Math.max(2, place(one[LOW] + bin / bins * (one[HIGH] - one[LOW])) - top);
    draw(Math.min(top, height - tall), tall, one[COUNTS + bin]);
  }
}

// The fullest bin of each column is darkest, so that its form shows whatever its width; roots let thin tails be seen.
function paintColumns(context, width, height, histograms, range, current) {
  const style = getComputedStyle(document.documentElement);
  const shades = Array.from({ length: 12 }, (_, i) => style.getPropertyValue(`--h${i + 1}`));
  histograms.forEach((one, i) => {
    const [left, right] = [Math.round(width * i / histograms.length), Math.round(width * (i + 1) / histograms.length)];
    const most = Math.max(...one.slice(COUNTS));
    eachBin(one, range, height, (top, tall, count) => {
      context.fillStyle = shades[Math.ceil(12 * Math.sqrt(count / most)) - 1];
      context.fillRect(left, top, Math.max(1, right - left), tall);
    });
    if (one !== current) return;
    context.strokeStyle = style.getPropertyValue("--ink");
    context.strokeRect(left + 0.5, 0.5, Math.max(2, right - left - 1), height - 1);
  });
}

function paintBars(context, width, height, one, range) {
  const most = Math.max(...one.slice(COUNTS));
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--h7");
  eachBin(one, range, height, (top, tall, count) => context.fillRect(0, top, width * count / most, Math.max(1, tall - 1)));
}

function whenColoursChange(listener) {
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
}
