// Bars over indices, with a level across them.

// values: the bars; tops: the numbers written above them, the part beyond the level; split: tops have no
// level and are bars of their own below; faint(i): bars that do not count.
function barChart(
    app, shown, {values, tops, level = null, levelName = "", split = false, faint = () => false}) {
  const width = clamp(shown.length * 64 + 70, 200, Math.min(app.width() - 8, 560));
  const step = (width - 60) / shown.length;
  const words = step >= 34;  // room for a number under each bar
  const upper = split ? 120 : 190;
  const height = split ? 250 : 220;
  const parts = [];
  parts.push(barRow(
      shown, values, {step, top: 18, bottom: upper, level, tops: split ? values : tops, words, faint}));
  if (split)
    parts.push(
        barRow(shown, tops, {step, top: upper + 42, bottom: height - 20, level: null, tops, words, faint}));
  if (level !== null) {
    const y = parts[0].y(level);
    parts[0].marks.push(
        svg("line", {x1: 0, x2: width - 56, y1: y, y2: y, class: "level"}),
        svg("text", {x: width - 52, y: y + 4, class: "level-name"},
            svg("title", {}, `${levelName} = ${level}`), levelName,
            svg("tspan", {x: width - 52, dy: 13}, digits(level, 4))));
  }
  if (split)
    parts[0].marks.push(
        svg("text", {x: width - 52, y: 60, class: "tick"}, "z"),
        svg("text", {x: width - 52, y: upper + 80, class: "tick"}, "p"));
  const spoken = shown.slice(0, 16)
                     .map((i) => `${i}: ${digits(values[i], 4)}${tops ? ` gives ${digits(tops[i], 4)}` : ""}`)
                     .join("; ");
  return svg(
      "svg", {
        class: "bars-chart",
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        "aria-label": `bars: ${spoken}`
      },
      parts.map(({marks}) => marks));
}

function barRow(shown, values, {step, top, bottom, level, tops, words, faint}) {
  const finite = shown.map((i) => values[i]).filter(Number.isFinite);
  const high = Math.max(...finite, level ?? -Infinity, level === null ? 0 : -Infinity);
  const least = Math.min(...finite, level ?? Infinity, level === null ? 0 : Infinity);
  const low = level === null ? least : least - 0.12 * Math.max(high - least, 1e-9);
  const room = words ? 14 : 0;
  const y = (value) => bottom - ((value - low) / Math.max(high - low, 1e-30)) * (bottom - top - room);
  const base = level === null ? y(0) : bottom;
  const marks = [];
  if (level !== null)
    marks.push(svg("rect", {
      x: 0,
      y: y(level),
      width: step * shown.length + 4,
      height: Math.max(0, bottom - y(level)),
      class: "water"
    }));
  shown.forEach((i, place) => {
    const x = place * step + step * 0.16;
    const wide = step * 0.68;
    const bar = (from, to, name) => svg(
        "rect",
        {x, width: wide, y: Math.min(from, to), height: Math.max(Math.abs(from - to), 0.75), class: name});
    const value = values[i];
    const dim = faint(i) ? " faint" : "";
    if (Number.isFinite(value)) {
      const out = level !== null && tops && tops[i] !== 0 && !faint(i);
      marks.push(
          svg("g", {}, svg("title", {}, `${i}: ${value}${tops ? `, ${tops[i]}` : ""}`),
              bar(base, y(value), level === null ? `bar${value < 0 ? " minus" : " out"}${dim}` : `bar${dim}`),
              out ? bar(y(level), y(value), value >= level ? "bar out" : "bar minus") : null));
    } else {
      marks.push(svg("text", {x: x + wide / 2, y: bottom - 4, class: "tick middle"}, digits(value)));
    }
    if (words && tops) {
      const above =
          Number.isFinite(value) ? Math.min(y(value), level === null ? base : y(level)) - 4 : bottom - 18;
      marks.push(
          svg("text", {x: x + wide / 2, y: above, class: tops[i] === 0 ? "tick middle" : "figure middle"},
              svg("title", {}, String(tops[i])), digits(tops[i], 3)));
    }
    if (words || place % Math.ceil(22 / step) === 0)
      marks.push(svg("text", {x: x + wide / 2, y: bottom + 13, class: "tick middle"}, i));
    if (words && level !== null)
      marks.push(
          svg("text", {x: x + wide / 2, y: bottom + 27, class: "tick middle small"}, digits(value, 3)));
  });
  marks.push(svg("line", {x1: 0, x2: step * shown.length + 4, y1: base, y2: base, class: "axis"}));
  return {marks, y};
}
