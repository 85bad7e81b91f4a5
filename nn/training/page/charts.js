// Charts: the values at the current place, in the legend and as marks, and series to hide and to show.

function mountChart(element, chart, axis, hidden) {
  const panel = element.querySelector(".panel");
  const groups = element.querySelectorAll(".series");
  const items = [...element.querySelectorAll(".legend li")];
  const cursor = panel.appendChild(el("div", { class: "cursor" }));
  element.classList.add("interactive");
  axis.add(chart.series.flatMap((series) => series.x));

  const values = items.map((item, i) => {
    const { name } = chart.series[i];
    const button = el("button", { type: "button", "aria-pressed": "true", onclick: () => hidden.toggle(name) }, ...item.childNodes);
    const value = el("span", { class: "value" });
    const mark = panel.appendChild(el("div", { class: `mark ${groups[i].classList[1]}` }));
    item.append(button, value);
    hidden.listen(() => {
      button.setAttribute("aria-pressed", String(!hidden.has(name)));
      groups[i].toggleAttribute("hidden", hidden.has(name));
    });
    return { series: chart.series[i], value, mark };
  });

  const place = ([low, high], x) => 100 * (x / 2 - low / 2) / (high / 2 - low / 2);
  const show = () => {
    const x = axis.current;
    cursor.style.left = `${place(chart.xRange, x)}%`;
    cursor.hidden = x < chart.xRange[0] || x > chart.xRange[1];
    for (const { series, value, mark } of values) {
      const at = lastUpTo(series.x, x);
      const y = at < 0 ? null : series.y[at];
      value.replaceChildren(el("b", {}, chart.percent ? percent(y) : digits(y)), at >= 0 && series.x[at] !== x ? ` at ${digits(series.x[at], 12)}` : "");
      mark.hidden = y === null || hidden.has(series.name);
      if (y === null) continue;
      mark.style.left = `${place(chart.xRange, series.x[at])}%`;
      mark.style.bottom = `${place(chart.yRange, y)}%`;
    }
  };
  axis.listen(show);
  const follow = (event) => {
    const bounds = panel.getBoundingClientRect();
    const part = clamp((event.clientX - bounds.left) / bounds.width, 0, 1);
    axis.goTo(chart.xRange[0] + part * (chart.xRange[1] - chart.xRange[0]));
  };
  panel.addEventListener("pointermove", follow);
  panel.addEventListener("pointerdown", follow);
  return () => values.filter(({ series }) => !hidden.has(series.name))
    .map(({ series, value }) => `${chart.title}, ${series.name}: ${value.textContent}`);
}

// The names of the series that are hidden, in all charts.
class Hidden {
  #names = new Set();
  #listeners = [];
  has(name) {
    return this.#names.has(name);
  }
  toggle(name) {
    if (!this.#names.delete(name)) this.#names.add(name);
    for (const listener of this.#listeners) listener();
  }
  listen(listener) {
    this.#listeners.push(listener);
  }
}
