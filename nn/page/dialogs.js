// The page of an op, and the table of keys.

function showDialog(title, ...content) {
  const close = el(
      "button",
      {type: "button", class: "close", "aria-label": "close", autofocus: true, onclick: () => dialog.close()},
      "×");
  const dialog =
      el("dialog", {class: "tape-dialog", "aria-label": title, onclose: () => dialog.remove()},
         el("div", {class: "dialog-body", tabindex: "0", role: "document"}, content), close);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}

function showOp(model, op) { showDialog(op, renderMarkdown(model.ops[op].text)); }

function showKeyTable() {
  showDialog(
      "keys", el("h2", {}, "Keys"),
      el("table", {class: "keys"},
         el("tbody", {},
            KEYS.map(
                ([keys, does]) =>
                    el("tr", {},
                       el("th", {scope: "row"}, keys.split(" ").map((key) => [el("kbd", {}, key), " "])),
                       el("td", {}, does))))));
}
