// Numbers as words, and the places along an axis.

// At most that many significant digits; null is what was no finite number.
function digits(x, significant = 4) {
  if (x === null) return "–";
  if (x !== 0 && Math.abs(x) < 1e-4) return x.toExponential(significant - 1).replace(/\.?0*e/, "e").replace(/-/g, "−");
  const rounded = Number(x.toPrecision(significant));
  return (Math.abs(rounded) >= 1e4 && Math.abs(rounded) < 1e15 ? rounded.toLocaleString("en") : String(rounded)).replace(/-/g, "−");
}

// A share as a percentage; only 1 is 100 %.
function percent(share) {
  if (share === null) return "–";
  const text = digits(Math.round(1000 * share) / 10);
  return `${text === "100" && share < 1 ? "99.9" : text} %`;
}

// The largest index whose number, in rising order, is at most x; -1 if there is none.
function lastUpTo(numbers, x) {
  let [low, high] = [-1, numbers.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (numbers[middle] <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}

// The places along one axis, "step" for most, and the current one, which all charts and histograms along this axis show.
class Axis {
  #listeners = [];
  constructor(label) {
    Object.assign(this, { label, places: [], index: 0 });
  }
  get current() {
    return this.places[this.index];
  }
  add(places) {
    this.places = [...new Set([...this.places, ...places])].sort((a, b) => a - b);
    this.index = this.places.length - 1;
  }
  listen(listener) {
    this.#listeners.push(listener);
  }
  go(index) {
    this.index = index;
    this.show();
  }
  // To the place nearest to x.
  goTo(x) {
    const before = Math.max(0, lastUpTo(this.places, x));
    const after = Math.min(before + 1, this.places.length - 1);
    this.go(this.places[after] - x < x - this.places[before] ? after : before);
  }
  show() {
    for (const listener of this.#listeners) listener();
  }
}

// The slider along an axis; `words` gives what is read aloud besides the place.
function slider(axis, words) {
  const output = el("output", {});
  const input = el("input", { type: "range", min: 0, "aria-label": axis.label, oninput: () => axis.go(Number(input.value)) });
  axis.listen(() => {
    input.max = axis.places.length - 1;
    input.value = axis.index;
    output.textContent = digits(axis.current, 12);
    input.setAttribute("aria-valuetext", [digits(axis.current, 12), ...words()].join("; "));
  });
  return el("div", { class: "slider" }, axis.label, output, input);
}

// Words beside a point of the screen. They are read aloud when they change.
function showTip(text, x = 0, y = 0) {
  const tip = document.querySelector(".tip") ?? document.body.appendChild(el("div", { class: "tip", role: "status" }));
  tip.textContent = text;
  if (!text) return;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${clamp(x + 14, 4, document.documentElement.clientWidth - width - 4)}px`;
  tip.style.top = `${y - height - 12 < 4 ? y + 18 : y - height - 12}px`;
}
