// mountTape(root, data) puts a tape into an element, and returns { go(step), update(data) }. update takes new
// values of the same tape and marks the numbers that changed. ownsPage: the tape has the page's title, hears
// all keys and writes the address.

function mountTape(root, data, {ownsPage = false} = {}) {
  const model = readTape(data);
  root.classList.add("tape");
  if (model.steps === 0) {
    root.replaceChildren(el("h1", {}, model.title), el("p", {}, "Nothing was recorded."));
    return {go() {}, update: (next) => mountTape(root, next, {ownsPage})};
  }
  const app = makeApp(model);
  const chart = makeChart(app);
  const transport = makeTransport(app, chart);
  const panel = makePanel(app);
  app.colors = readColors(root);
  app.width = () => panel.element.clientWidth || 340;
  const list = makeList(app);
  const bar = el("div", {class: "bar"}, transport.element);
  root.replaceChildren(
      ...(ownsPage ? [titleOf(model)] : []), bar, el("div", {class: "body"}, list.element, panel.element));
  new ResizeObserver(() => root.style.setProperty("--bar", `${bar.offsetHeight}px`)).observe(bar);

  app.show = (changedFrom) => {
    list.show();
    panel.show(changedFrom);
    transport.show();
    if (ownsPage) writeAddress(app);
  };
  app.rowOfNode = list.rowOfNode;
  app.unfoldTo = list.unfoldTo;

  transport.reset();
  listenToKeys(app, root, ownsPage);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    app.colors = readColors(root);
    chart.reset();
    app.show();
  });
  const follow = (address) => {
    const step = stepOfAddress(app.model, address);
    if (step < 0) return;
    list.unfoldTo(nodeOfStep(app.model, step));
    app.go(step);
  };
  // Not location.hash, which writeAddress may have changed since.
  if (ownsPage) window.addEventListener("hashchange", ({newURL}) => follow(new URL(newURL).hash));
  if (ownsPage && stepOfAddress(model, window.location.hash) >= 0)
    follow(window.location.hash);
  else
    app.show();

  return {
    go: app.go,
    update(next) {
      const before = panel.numbers();
      const old = app.model.nodes;
      app.model = readTape(next);
      const same = app.model.nodes.length === old.length &&
          app.model.nodes.every(
              ({op, scope}, number) => op === old[number].op && scope === old[number].scope);
      app.step = clamp(app.step, 0, app.model.steps - 1);
      app.revealed.clear();
      chart.reset();
      transport.reset();
      if (!same) list.reset();
      app.show(before);
    },
  };
}

// Browsers refuse more than 200 changes of the address in 30 seconds.
function writeAddress(app) {
  window.clearTimeout(app.addressTimer);
  app.addressTimer =
      window.setTimeout(() => window.history.replaceState(null, "", addressOfStep(app.model, app.step)), 200);
}

let tapes = 0;  // on this page: their rows' ids have to differ

// What all parts share: the model, the step, and ways to move.
function makeApp(model) {
  const app = {
    model,
    name: `tape${++tapes}`,
    step: 0,
    asking: false,
    revealed: new Set(),
    chosen: new Map(),
    playing: 0,
    go(step) {
      app.step = clamp(step, 0, app.model.steps - 1);
      app.show();
    },
    // To the step of this phase that deals with the node, else to its recording.
    goToNode(number) {
      const w = app.model.walk[app.step];
      const step = w < 0 ? -1 : stepOfNodeIn(app.model, w, number);
      app.unfoldTo(number);
      app.go(step >= 0 ? step : app.model.recordedAt[number]);
    },
    // To the next step whose node stands in another row.
    goOver(direction) {
      const row = app.rowOfNode(nodeOfStep(app.model, app.step));
      let step = app.step + direction;
      while (step > 0 && step < app.model.steps - 1 && app.model.kind[step] !== BEGIN &&
             app.rowOfNode(nodeOfStep(app.model, step)) === row)
        step += direction;
      app.go(step);
    },
    // To the beginning of this walk; from there, and from outside of walks, to the next one.
    goToWalk() {
      const begins = app.model.beginOf;
      if (begins.length === 0) return;
      const w = app.model.walk[app.step];
      const atBegin = app.model.kind[app.step] === BEGIN;
      app.go(w >= 0 && !atBegin ? begins[w] : begins.find((begin) => begin > app.step) ?? begins[0]);
    },
    play() {
      window.clearInterval(app.playing);
      app.playing = app.playing ? 0 : window.setInterval(() => {
        if (app.step >= app.model.steps - 1 || app.asks(app.step))
          app.play();
        else
          app.go(app.step + 1);
      }, 700);
      app.show();
    },
    setAsking(on) {
      app.asking = on;
      app.show();
    },
    asks: (step) => app.asking && app.model.kind[step] === VISIT && !app.revealed.has(step) &&
        visitOfStep(app.model, step).contributions.length > 0,
    // While a question is open, the list stands before the visit, as it would give the answer away.
    shownStep: () => (app.asks(app.step) ? app.step - 1 : app.step),
    reveal(step) {
      app.revealed.add(step);
      app.show();
    },
    showKeys: showKeyTable,
  };
  return app;
}

function titleOf(model) {
  const walks = model.walks.length ? counted(model.walks.length, "walk") : "no walk";
  return el(
      "header", {class: "title"}, el("h1", {}, model.title),
      el("p", {class: "meta"}, el("span", {}, counted(model.nodes.length, "node")), el("span", {}, walks),
         Number.isFinite(model.seconds) ? el("span", {}, secondsText(model.seconds)) : null));
}

// Canvases take their colours from the style sheet.
function readColors(root) {
  const style = getComputedStyle(root);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: of("ink"),
    arc: of("arc"),
    gone: of("gone"),
    forth: of("forth"),
    back: of("back"),
    area: of("area"),
    bars: of("bars"),
    walk: of("walk")
  };
}
