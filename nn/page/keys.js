// The keyboard. A tape that owns its page hears every key; one among others hears those inside it.

const KEYS = [
  ["→ ←", "one step on, one back"],
  ["Shift → ←", "over a folded group"],
  ["Home End", "to the start, to the end"],
  ["b", "to the beginning of the walk (again: of the next)"],
  ["Space", "play, pause"],
  ["↑ ↓ Enter", "in the list: another row, go there or fold"],
  ["arrows", "in a heat map: another cell"],
  ["?", "these keys"],
];

function listenToKeys(app, root, ownsPage) {
  (ownsPage ? document : root).addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const target = event.target;
    if (target.matches("input:not([type=range]):not([type=checkbox]):not([type=radio]), select, textarea"))
      return;
    if (event.key === " " && target.matches("button, input, summary, a")) return;
    if (event.key.startsWith("Arrow") && target.matches("input[type=radio]")) return;
    if (!press(app, event.key, event.shiftKey)) return;
    event.preventDefault();
  });
}

function press(app, key, shift) {
  switch (key) {
    case "ArrowRight":
      return shift ? app.goOver(1) : app.go(app.step + 1), true;
    case "ArrowLeft":
      return shift ? app.goOver(-1) : app.go(app.step - 1), true;
    case "Home":
      return app.go(0), true;
    case "End":
      return app.go(Infinity), true;
    case "b":
      return app.goToWalk(), true;
    case " ":
      return app.play(), true;
    case "?":
      return app.showKeys(), true;
    default:
      return false;
  }
}
