// Elements, and numbers as words. Text reaches the page through text nodes only, never as HTML.

function el(name, attributes, ...children) {
  const element = document.createElement(name);
  setAttributes(element, attributes);
  element.append(
      ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function svg(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  setAttributes(element, attributes);
  element.append(
      ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// A name that starts with "on" is an event; true stands for an attribute without a value, false and null for
// none.
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on"))
      element.addEventListener(name.slice(2), value);
    else
      element.setAttribute(name, value === true ? "" : value);
  }
}

function clamp(value, low, high) { return Math.max(low, Math.min(high, value)); }

// What is read aloud but not seen.
function aloud(text) { return el("span", {class: "aloud"}, text); }

// At most that many significant digits. The exact number is String(x).
function digits(x, significant = 6) {
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  return String(Number(x.toPrecision(significant))).replace(/-/g, "−");
}

function shapeText(shape) {
  return shape.length === 0 ? "scalar" : `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
}

function bytesText(bytes) {
  if (!Number.isFinite(bytes)) return "–";
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  for (; Math.abs(bytes) >= 1024 && unit < units.length - 1; ++unit) bytes /= 1024;
  return `${unit === 0 ? bytes : digits(bytes, 3)} ${units[unit]}`;
}

function secondsText(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 1e-6) return `${digits(seconds * 1e9, 3)} ns`;
  if (seconds < 1e-3) return `${digits(seconds * 1e6, 3)} µs`;
  if (seconds < 1) return `${digits(seconds * 1e3, 3)} ms`;
  return `${digits(seconds, 3)} s`;
}

function counted(count, noun, plural = `${noun}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? noun : plural}`;
}
