// Heat maps: the value of the cell under the pointer, or under the cursor that arrow keys move.

function mountMap(element, map) {
  const cells = element.querySelector(".cells");
  if (map.rows === 0 || map.columns === 0) return;
  let picked = null;
  const frame = el("div", { class: "picked" });
  const name = (kind, labels, i) => labels.length > 0 ? labels[i] : `${kind} ${i + 1}`;

  const leave = () => {
    frame.remove();
    showTip("");
  };
  const pick = (row, column) => {
    if (picked && picked[0] === row && picked[1] === column && frame.isConnected) return;
    picked = [row, column];
    frame.style.cssText = `left:${100 * column / map.columns}%;top:${100 * row / map.rows}%;width:${100 / map.columns}%;height:${100 / map.rows}%`;
    cells.append(frame);
    const bounds = cells.getBoundingClientRect();
    const value = map.values[row * map.columns + column];
    showTip(`${name("row", map.rowLabels, row)}, ${name("column", map.columnLabels, column)}: ${value === null ? "unseen" : digits(value)}`,
            bounds.left + bounds.width * (column + 1) / map.columns, bounds.top + bounds.height * row / map.rows);
  };
  const follow = (event) => {
    const bounds = cells.getBoundingClientRect();
    pick(clamp(Math.floor(map.rows * (event.clientY - bounds.top) / bounds.height), 0, map.rows - 1),
         clamp(Math.floor(map.columns * (event.clientX - bounds.left) / bounds.width), 0, map.columns - 1));
  };
  cells.tabIndex = 0;
  cells.setAttribute("role", "application");
  cells.setAttribute("aria-roledescription", "heat map");
  cells.setAttribute("aria-label", `${cells.getAttribute("aria-label")}; arrow keys move over the cells`);
  cells.addEventListener("pointermove", follow);
  cells.addEventListener("pointerdown", follow);
  cells.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && leave());
  cells.addEventListener("focus", () => cells.matches(":focus-visible") && pick(...(picked ?? [0, 0])));
  cells.addEventListener("blur", leave);
  cells.addEventListener("keydown", (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.key === "Escape") leave();
    if (!move) return;
    const [row, column] = picked ?? [0, 0];
    pick(clamp(row + move[0], 0, map.rows - 1), clamp(column + move[1], 0, map.columns - 1));
    event.preventDefault();
  });
}
