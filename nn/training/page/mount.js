// The parts of the page come to life. Each finds its data by its number.

function mount(root, data) {
  const axes = new Map();
  const hidden = new Hidden();
  const ready = [];
  const axisOf = (label) => axes.get(label) ?? axes.set(label, new Axis(label)).get(label);

  for (const figure of root.querySelectorAll(".charts")) {
    const words = new Map(); // by axis, of all charts in this figure
    for (const element of figure.querySelectorAll("[data-part]")) {
      const chart = data[element.dataset.part];
      if (!chart) continue;
      const axis = axisOf(chart.xLabel);
      words.set(axis, [...(words.get(axis) ?? []), mountChart(element, chart, axis, hidden)]);
    }
    for (const [axis, parts] of words) {
      figure.insertBefore(slider(axis, () => parts.flatMap((part) => part())), figure.querySelector("figcaption"));
    }
  }
  for (const element of root.querySelectorAll(".map[data-part]")) mountMap(element, data[element.dataset.part]);
  for (const element of root.querySelectorAll(".histograms[data-part]")) {
    const part = data[element.dataset.part];
    if (part) ready.push(mountHistograms(element, part, axisOf("step")));
  }
  for (const begin of ready) begin();
  for (const axis of axes.values()) {
    hidden.listen(() => axis.show());
    axis.show();
  }
}
