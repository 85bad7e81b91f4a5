// Buttons, scrubber and the sentence that says what happens at this step.

const WALK_BUTTONS = 12;  // of more walks one is chosen from a list; a Jacobian has a walk for each row

const PLAY = "M4 2.5v11L13.5 8z";
const PAUSE = "M4 3h2.6v10H4zM9.4 3H12v10H9.4z";

function icon(path) {
  return svg(
      "svg", {viewBox: "0 0 16 16", width: 16, height: 16, class: "icon", "aria-hidden": "true"},
      svg("path", {d: path}));
}

function makeTransport(app, chart) {
  const button = (label, key, action, text) => el(
      "button",
      {type: "button", "aria-label": label, title: key ? `${label} (${key})` : label, onclick: action}, text);
  const play = button("play", "space", () => app.play(), icon(PLAY));
  play.classList.add("play");
  const scrubber = el(
      "input",
      {type: "range", min: 0, step: 1, "aria-label": "step", oninput: () => app.go(Number(scrubber.value))});
  const help = button("keys", "?", () => app.showKeys(), "?");
  help.classList.add("help");
  const ask = el("input", {type: "checkbox", onchange: () => app.setAsking(ask.checked)});
  const words = el("p", {class: "sentence", "aria-live": "polite"});
  const phases = el("div", {class: "phases", role: "group", "aria-label": "phases"});
  const element = el(
      "div", {class: "transport"},
      el("div", {class: "buttons"},
         button("to the start", "Home", () => app.go(0), icon("M4 3v10M13 3L6 8l7 5z")),
         button("one step back", "←", () => app.go(app.step - 1), icon("M13 8H3M7.5 3.5L3 8l4.5 4.5")), play,
         button("one step on", "→", () => app.go(app.step + 1), icon("M3 8h10M8.5 3.5L13 8l-4.5 4.5")),
         button("to the end", "End", () => app.go(Infinity), icon("M12 3v10M3 3l7 5-7 5z")),
         el("label", {class: "ask"}, ask, " ask me first"), help),
      phases, el("div", {class: "track"}, scrubber, chart.element), words);

  return {
    element,
    reset() {
      const {model} = app;
      scrubber.max = Math.max(0, model.steps - 1);
      const names = model.walks.map((walk, w) => `walk ${w}: ${walk.call} from ${walk.node}`);
      phases.replaceChildren(
          phaseButton(app, "record", 0),
          ...(names.length > WALK_BUTTONS ?
                  [walkSelect(app, names)] :
                  names.map((name, w) => phaseButton(app, name, model.beginOf[w]))));
      phases.hidden = model.walks.length === 0;
    },
    show() {
      const {model, step} = app;
      const sentence = sentenceOfStep(model, step);
      scrubber.value = step;
      scrubber.setAttribute("aria-valuetext", `step ${step + 1}: ${sentence}`);
      words.textContent = sentence;
      play.replaceChildren(icon(app.playing ? PAUSE : PLAY));
      play.setAttribute("aria-label", app.playing ? "pause" : "play");
      const phase = model.walk[step];
      const select = phases.querySelector("select");
      if (select) {
        select.value = String(phase);
        select.dataset.phase = phase < 0 ? "none" : phase;
      }
      for (const each of phases.children) {
        if (Number(each.dataset.phase) !== phase) {
          each.removeAttribute("aria-current");
          continue;
        }
        each.setAttribute("aria-current", "true");
        const hidden = each.offsetLeft + each.offsetWidth > phases.scrollLeft + phases.clientWidth ||
            each.offsetLeft < phases.scrollLeft;
        if (hidden) phases.scrollLeft = each.offsetLeft - 12;
      }
      chart.show();
    },
  };
}

function phaseButton(app, text, step) {
  return el(
      "button", {type: "button", "data-phase": app.model.walk[step] ?? -1, onclick: () => app.go(step)},
      text);
}

function walkSelect(app, names) {
  return el(
      "select",
      {"aria-label": "walk", onchange: ({target}) => app.go(app.model.beginOf[Number(target.value)])},
      el("option", {value: -1, disabled: true}, `to one of ${names.length} walks`),
      names.map((name, w) => el("option", {value: w}, name)));
}

function sentenceOfStep(model, step) {
  const number = nodeOfStep(model, step);
  const name = opName(model, number);
  const walk = model.walks[model.walk[step]];
  switch (model.kind[step]) {
    case RECORD:
      return model.nodes[number].op === null ? `Leaf ${number} joins the tape at its first use.` :
                                               `Node ${number}: ${name} is computed and recorded.`;
    case BEGIN:
      return `Walk ${model.walk[step]} begins: the slot of node ${number} (${name}) gets a cotangent.`;
    case VISIT: {
      const sent = counted(visitOfStep(model, step).contributions.length, "contribution");
      return `The walk visits node ${number}: ${name} turns its cotangent into ${sent}.`;
    }
    default:
      return walk.failed ?
          `Walk ${model.walk[step]} threw at node ${walk.visits.at(-1)?.node ?? walk.node}.` :
          `Walk ${model.walk[step]} ends with ${counted(walk.gradients?.length ?? 0, "gradient")}.`;
  }
}
