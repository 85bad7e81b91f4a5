// Elements that a program compared with differences: the tape's derivative, the difference, and the V of the
// difference's error against its step. Large steps bend away from the tangent, tiny ones drown in rounding.

const TINIEST_ERROR = 1e-17;  // relative; what is equal is drawn there

function checksSection(app) {
  const {curves} = app.model;
  if (curves.length === 0) return null;
  return section(
      "Compared with differences",
      el("div", {class: "figures"}, curves.map((curve, place) => curveFigure(app, curve, `curve${place}`))));
}

function curveFigure(app, curve, key) {
  const scale = Math.abs(curve.analytic) || 1;
  const error = (value) => Math.max(TINIEST_ERROR, Math.abs(value - curve.analytic) / scale);
  const said = (name, x) => el("div", {}, el("dt", {}, name), el("dd", {}, numberElement("span", x ?? NaN)));
  return el(
      "figure", {class: "tensor curve", "data-check": key},
      el("figcaption", {}, el("span", {class: "caption"}, curve.title || `argument ${curve.argument}`), " ",
         el("span", {class: "shape"}, `element [${curve.index.join(", ")}], x = ${digits(curve.x, 6)}`)),
      curveChart(app, curve, error),
      el("dl", {}, said("the tape's derivative", curve.analytic),
         said("difference, extrapolated", curve.numeric), said("its estimated error", curve.estimate)),
      unfolding(app, key, "steps", counted(curve.points.length, "step"), stepTable(curve)));
}

function curveChart(app, curve, error) {
  const [width, height] = [Math.min(440, app.width() - 8), 250];
  const [left, right, top, bottom] = [46, width - 10, 12, height - 38];
  const steps = curve.points.map((point) => point.step);
  const errors =
      curve.points.flatMap((point) => [point.forward, point.central]).filter(Number.isFinite).map(error);
  const x = logarithmicAxis(Math.min(...steps, curve.step), Math.max(...steps, curve.step), left, right);
  const y = logarithmicAxis(TINIEST_ERROR, Math.max(...errors, 1e-3), bottom, top);
  const line = (name) => curve.points.filter((point) => Number.isFinite(point[name]));
  const path = (name) => svg("polyline", {
    class: name,
    points: line(name).map((point) => `${x.at(point.step)},${y.at(error(point[name]))}`).join(" ")
  });
  const dots = (name) => line(name).map(
      (point) =>
          svg("circle", {class: name, cx: x.at(point.step), cy: y.at(error(point[name])), r: 2.5},
              svg("title", {},
                  `${name}, step ${digits(point.step, 3)}: ${point[name]}, off by ${
                      digits(error(point[name]), 3)}`)));
  const legend = [["forward", "forward"], ["central", "central"], ["chosen", "what gradcheck took"]];
  return [
    svg("svg", {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": "relative error of the difference against its step"
    },
        x.ticks.map(
            ([at, name]) =>
                [svg("line", {class: "grid", x1: at, x2: at, y1: top, y2: bottom}),
                 svg("text", {x: at, y: bottom + 15, class: "tick middle"}, name)]),
        y.ticks.map(
            ([at, name]) =>
                [svg("line", {class: "grid", x1: left, x2: right, y1: at, y2: at}),
                 svg("text", {x: left - 6, y: at + 4, class: "tick end"}, name)]),
        svg("text", {x: (left + right) / 2, y: height - 6, class: "tick middle"},
            "step h; upwards: relative error"),
        path("forward"), path("central"), dots("forward"), dots("central"),
        Number.isFinite(curve.numeric) && curve.step > 0 ?
            svg("circle", {class: "chosen", cx: x.at(curve.step), cy: y.at(error(curve.numeric)), r: 6.5}) :
            null),
    el("p", {class: "curve-legend"},
       legend.map(([name, words]) => el("span", {}, el("i", {class: name, "aria-hidden": "true"}), words))),
  ];
}

// Powers of ten from `low` to `high` onto pixels: { at(value), ticks: [[pixel, name]] }.
function logarithmicAxis(low, high, from, to) {
  const first = Math.floor(Math.log10(low));
  const last = Math.max(Math.ceil(Math.log10(high)), first + 1);
  const at = (value) => from + ((Math.log10(value) - first) / (last - first)) * (to - from);
  const every = Math.ceil((last - first) / 6);
  const ticks = [];
  for (let power = first; power <= last; power += every)
    ticks.push([at(10 ** power), `1e${power}`.replace("-", "−")]);
  return {at, ticks};
}

function stepTable({points}) {
  return el(
      "div", {class: "scroll", tabindex: "0", role: "group", "aria-label": "steps"},
      el("table", {class: "steps-table"},
         el("thead", {},
            el("tr", {}, ["step", "forward", "central"].map((name) => el("th", {scope: "col"}, name)))),
         el("tbody", {}, points.map((point) => el("tr", {}, [
                                      "step", "forward", "central"
                                    ].map((name) => numberElement("td", point[name] ?? NaN)))))));
}
