// Numbers, shapes and amounts as words.

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
