// "Ask me first": what a visit sends stays hidden until the reader has said what it is.

const ASK_NUMBERS = 4;  // elements that one can be asked to type
const ASK_TOLERANCE = 1e-3;

function askSection(app, visit) {
  const questions = visit.contributions.map((each, e) => askOne(app, visit, each, e));
  const reveal = () => app.reveal(app.step);
  const verdict = el("p", {class: "verdict", "aria-live": "polite"});
  const form =
      el("form", {
        class: "ask-form",
        onsubmit(event) {
          event.preventDefault();
          const wrong = questions.filter((question) => !question.check());
          verdict.textContent = wrong.length === 0 ? "Right." :
              wrong.length === questions.length    ? "Not yet." :
                                                     "Not all of it yet.";
          if (wrong.length === 0)
            reveal();
          else
            wrong[0].focus();
        }
      },
         questions.map((question) => question.element),
         el("p", {class: "ask-buttons"}, el("button", {type: "submit", class: "main"}, "check"), " ",
            el("button", {type: "button", class: "quiet", onclick: reveal}, "show me")),
         verdict);
  return section("What do the edges send?", form);
}

function askOne(app, visit, contribution, e) {
  const tensor = app.model.tensors[contribution.value];
  const numbers = numbersOf(tensor);
  return numbers && numbers.length > 0 && numbers.length <= ASK_NUMBERS ?
      askNumbers(contribution, tensor, numbers) :
      askChoice(app, visit, contribution, tensor, e);
}

function askNumbers({argument, node}, tensor, numbers) {
  const fields = Array.from(numbers, (_, place) => el("input", {
                                       type: "text",
                                       inputmode: "decimal",
                                       size: 8,
                                       autocomplete: "off",
                                       "aria-label": `element ${place} for argument ${argument}`
                                     }));
  const isRight = (field, place) => {
    const text = field.value.trim().replace("−", "-").replace(",", ".");
    const typed = /^nan$/i.test(text) ? NaN :
        text === ""                   ? undefined :
                                        Number(text.replace(/^(-?)inf(inity)?$/i, "$1Infinity"));
    const right = typed !== undefined &&
        (Object.is(typed, numbers[place]) || typed === numbers[place] ||
         Math.abs(typed - numbers[place]) <= ASK_TOLERANCE * Math.abs(numbers[place]));
    field.setAttribute("aria-invalid", String(!right));
    return right;
  };
  return {
    element:
        el("fieldset", {},
           el("legend", {}, `for argument ${argument}, into the slot of ${node}: ${shapeText(tensor.shape)}`),
           el("div", {class: "fields"}, fields)),
    check: () => fields.map(isRight).every(Boolean),
    focus: () => fields.find((field) => field.getAttribute("aria-invalid") === "true")?.focus(),
  };
}

function askChoice(app, visit, {argument, node}, tensor, e) {
  const slots = slotChoices(app.model, visit, node);
  const shapes = shapeChoices(app.model, visit, tensor);
  const groups = [
    slots.length > 1 ?
        choices(`ask-slot-${e}`, `Argument ${argument}: which slot receives it?`, slots, String(node)) :
        null,
    shapes.length > 1 ?
        choices(
            `ask-shape-${e}`, `Argument ${argument}: of what shape is it?`, shapes, shapeText(tensor.shape)) :
        null,
  ].filter(Boolean);
  return {
    element: el("div", {}, groups.map((group) => group.element)),
    check: () => groups.map((group) => group.check()).every(Boolean),
    focus: () => groups.find((group) => !group.check())?.focus(),
  };
}

function choices(name, question, answers, right) {
  const inputs = answers.map((answer) => el("input", {type: "radio", name, value: answer}));
  const element =
      el("fieldset", {}, el("legend", {}, question),
         el("div", {class: "fields"}, inputs.map((input) => el("label", {}, input, ` ${input.value}`))));
  return {
    element,
    check() {
      const ok = inputs.some((input) => input.checked && input.value === right);
      element.classList.toggle("wrong", !ok);
      return ok;
    },
    focus: () => (inputs.find((input) => input.checked) ?? inputs[0]).focus(),
  };
}

// The arguments' nodes, and the nodes around the one visited; in order, so that the place gives nothing away.
function slotChoices(model, visit, right) {
  const found = new Set([right]);
  for (const {node} of model.nodes[visit.node].inputs ?? [])
    if (node !== undefined && node !== null) found.add(node);
  for (const near of [visit.node - 1, visit.node - 2, visit.node + 1, visit.node - 3]) {
    if (found.size < 4 && near >= 0 && near < model.nodes.length && near !== visit.node) found.add(near);
  }
  return [...found].sort((a, b) => a - b).map(String);
}

function shapeChoices(model, visit, tensor) {
  const found = new Set([shapeText(tensor.shape), shapeText(model.tensors[visit.cotangent].shape)]);
  for (const input of model.nodes[visit.node].inputs ?? []) {
    const place = tensorOfInput(model, input);
    if (place !== null) found.add(shapeText(model.tensors[place].shape));
  }
  found.add(shapeText([...tensor.shape].reverse()));
  found.add(shapeText([]));
  return [...found].slice(0, 5).sort();
}
