// The tape as a list. Only rows in view exist.

const ROW_HEIGHT = 30;

function makeList(app) {
  const canvas = el("canvas", {class: "arcs", "aria-hidden": "true"});
  const sizer = el("div", {class: "rows", role: "presentation"});
  const element = el("div", {class: "list", role: "tree", tabindex: "0", "aria-label": "the tape"});
  const frame = el("div", {class: "list-frame"}, element, canvas);
  element.append(sizer);
  let tree, rows, arcs;
  let cursor = 0;    // the row that the arrow keys up and down move
  let pointed = -1;  // the row under the pointer

  const reset = () => {
    tree = foldTree(app.model);
    relayout();
  };
  const relayout = () => {
    rows = layoutRows(app.model, tree);
    arcs = layoutArcs(app.model, rows);
    sizer.style.height = `${rows.count * ROW_HEIGHT}px`;
    frame.style.setProperty("--digits", String(app.model.nodes.length).length);
    frame.style.setProperty("--rows", `${rows.count * ROW_HEIGHT + 2}px`);
  };
  const viewNow = () => {
    const [top, height] = [element.scrollTop, element.clientHeight];
    const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - 3);
    const last = Math.min(rows.count - 1, Math.ceil((top + height) / ROW_HEIGHT) + 3);
    return {top, height, rowHeight: ROW_HEIGHT, first, last};
  };
  const draw = () => {
    const {height, first, last} = viewNow();
    if (height === 0) return;  // not on the page
    const shown = [];
    for (let row = first; row <= last; ++row) shown.push(rowElement(app, rows, row, cursor));
    sizer.replaceChildren(...shown);
    const active = cursor >= first && cursor <= last;
    if (active)
      element.setAttribute("aria-activedescendant", `${app.name}-row${cursor}`);
    else
      element.removeAttribute("aria-activedescendant");
    paintArcs();
  };
  const paintArcs = () => {
    const view = viewNow();
    drawArcs(canvas, arcs, view, (row) => holds(app, rows, row), app.colors);
    drawJoined(canvas, arcs, view, pointed >= 0 && pointed < rows.count ? pointed : cursor, app.colors.ink);
    drawStrong(
        canvas, view, strongArcs(app, rows),
        app.model.kind[app.step] === VISIT ? app.colors.back : app.colors.forth);
  };
  const bringIntoView = (row) => {
    const margin = Math.min(3 * ROW_HEIGHT, element.clientHeight / 4);
    const y = row * ROW_HEIGHT;
    if (y < element.scrollTop + margin)
      element.scrollTop = y - margin;
    else if (y + ROW_HEIGHT > element.scrollTop + element.clientHeight - margin) {
      element.scrollTop = y + ROW_HEIGHT + margin - element.clientHeight;
    }
  };
  const toggle = (row) => {
    const group = groupOfRow(rows, row);
    group.open = !group.open;
    relayout();
    cursor = row;
    draw();
  };
  const choose = (row) => {
    if (rows.node[row] < 0)
      toggle(row);
    else
      app.goToNode(rows.node[row]);
  };

  element.addEventListener("scroll", () => requestAnimationFrame(draw), {passive: true});
  const rowAt = (event) =>
      Math.floor((event.clientY - element.getBoundingClientRect().top + element.scrollTop) / ROW_HEIGHT);
  const point = (row) => {
    if (row === pointed) return;
    pointed = row;
    paintArcs();
  };
  element.addEventListener("pointermove", (event) => point(rowAt(event)));
  element.addEventListener("pointerleave", () => point(-1));
  element.addEventListener("click", (event) => {
    const row = rowAt(event);
    if (row >= 0 && row < rows.count) choose(row);
  });
  element.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      cursor = clamp(cursor + (event.key === "ArrowDown" ? 1 : -1), 0, rows.count - 1);
      bringIntoView(cursor);
      draw();
    } else if (event.key === "Enter") {
      choose(cursor);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });
  new ResizeObserver(() => draw()).observe(element);

  reset();
  return {
    element: frame,
    reset,
    show() {
      cursor = rows.rowOf[nodeOfStep(app.model, app.step)];
      bringIntoView(cursor);
      draw();
    },
    unfoldTo(number) {
      unfoldTo(tree, number);
      relayout();
    },
    rowOfNode: (number) => rows.rowOf[number],
  };
}

// The pairs of rows that the step joins: arguments to a recorded node, or a visited node to where its
// contributions go.
function strongArcs(app, rows) {
  const {model, step} = app;
  const visit = visitOfStep(model, step);
  const pairs = [];
  if (app.asks(step)) return [];
  if (visit) {
    for (const {node} of visit.contributions) pairs.push([rows.rowOf[visit.node], rows.rowOf[node]]);
  } else if (model.kind[step] === RECORD) {
    const number = model.place[step];
    for (const {node} of model.nodes[number].edges ?? []) {
      if (node !== null && node !== undefined) pairs.push([rows.rowOf[node], rows.rowOf[number]]);
    }
  }
  return pairs.filter(([from, to]) => from !== to);
}

// Whether a row's nodes are on the tape and have their closures still; of a folded row, whether any has.
function holds({model, step}, rows, row) {
  const group = groupOfRow(rows, row);
  const [first, last] = group ? [group.first, group.last] : [rows.node[row], rows.node[row]];
  if (first >= model.nodesAt[step]) return false;
  return model.freedAt[first] < 0 || model.freedAt[first] > step || model.freedAt[last] < 0 ||
      model.freedAt[last] > step;
}

function rowElement(app, rows, row, cursor) {
  const group = groupOfRow(rows, row);
  const current = rows.rowOf[nodeOfStep(app.model, app.step)] === row;
  const element = el("div", {
    role: "treeitem",
    id: `${app.name}-row${row}`,
    class: "row",
    "aria-level": rows.depth[row] + 1,
    "aria-setsize": rows.count,
    "aria-posinset": row + 1,
    "aria-selected": String(row === cursor),
    "aria-current": current ? "step" : null,
    "aria-expanded": group ? String(group.open) : null,
    style: `top:${row * ROW_HEIGHT}px;--depth:${rows.depth[row]}`,
  });
  element.append(...(group ? groupCells(app, group, current) : nodeCells(app, rows.node[row])));
  if (!group && rows.node[row] >= app.model.nodesAt[app.shownStep()]) element.classList.add("future");
  if (!group && app.model.walk[app.step] >= 0 && slotAt(app.model, app.step, rows.node[row]).state === "none")
    element.classList.add("apart");
  if (group) element.classList.add("group");
  if (app.model.walk[app.step] >= 0) element.classList.add("back");
  return element;
}

function groupCells(app, group, current) {
  const number = nodeOfStep(app.model, app.step);
  const inside =
      current && !group.open ? el("span", {class: "at"}, `at ${number} ${opName(app.model, number)}`) : null;
  return [
    el("span", {class: "fold"}, group.open ? "▾" : "▸"),
    el("span", {class: "name"}, group.name),
    inside,
    el("span", {class: "size"}, groupSize(group)),
  ].filter(Boolean);
}

function nodeCells(app, number) {
  const {model, step} = app;
  const node = model.nodes[number];
  const exists = number < model.nodesAt[app.shownStep()];
  const slot =
      exists ? slotAt(model, number === nodeOfStep(model, step) ? step : app.shownStep(), number) : null;
  const cells = [
    el("span", {class: "number"}, number),
    el("span", {class: node.op === null ? "op leaf" : "op"}, opName(model, number)),
  ];
  if (model.appendedBy[number] >= 0) {
    cells.push(
        el("span", {class: "tag", title: `appended by walk ${model.appendedBy[number]}`},
           `+w${model.appendedBy[number]}`));
  }
  if (!exists) return cells;
  const odd = oddWords(model, node.value);
  if (odd) cells.push(el("span", {class: "tag odd"}, odd));
  if (model.walk[step] >= 0 && slot?.state === "none") {
    cells.push(el("span", {class: "value"}, "not reached"));
    return cells;
  }
  if (!slot || slot.state === "none") {
    cells.push(el("span", {class: "value"}, rowValue(app, node.value)));
    return cells;
  }
  cells.push(
      el("span", {class: `value back ${slot.state}`}, slot.tensor === null ? "" : rowValue(app, slot.tensor)),
      slotMark(slot));
  return cells;
}

// Few numbers as they are; of many the shape, and a hint of what they look like.
function rowValue(app, place) {
  const {model} = app;
  const tensor = model.tensors[place];
  if (!tensor) return [];
  const hint = tensor.elements.length > 3 ? thumbnail(tensor) : null;
  return [hint, el("span", {title: firstNumbers(tensor)}, preview(model, place))];
}

function firstNumbers(tensor) {
  const shown = tensor.elements.slice(0, 12).map((x) => digits(Number(x), 4)).join(", ");
  return `${shapeText(tensor.shape)}: ${shown}${tensor.elements.length > 12 ? ", …" : ""}`;
}

// Few numbers as they are, many as their shape.
function preview(model, place) {
  const tensor = model.tensors[place];
  if (!tensor) return "";
  const numbers = tensor.elements.length <= 3 ? numbersOf(tensor) : null;
  if (!numbers) return shapeText(tensor.shape);
  const text = Array.from(numbers, (x) => digits(x, 3)).join(", ");
  return tensor.shape.length === 0 ? text : `[${text}]`;
}

// A disc that fills with the contributions.
function slotMark(slot) {
  const part = slot.state === "taken" ? 0 : slot.filled / slot.expected;
  return el(
      "span", {class: `slot ${slot.state}`, style: `--part:${part}`, title: slotWords(slot)},
      aloud(slotWords(slot)));
}
