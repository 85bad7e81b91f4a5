// A chapter around the tape of its page: its text, the numbers to drag, what the program prints, and exercises. Runs in the
// scope of nn/page, after its scripts, with `shown`, what mountTape returned, and `data`, what it was given.

function mountChapter(root, chapter, shown, data) {
  const [text, exercises] = splitChapter(chapter.text);
  const printed = el("pre", { class: "printed", tabindex: "0" }, chapter.printed);
  const trouble = el("p", { class: "trouble", role: "alert" });
  const status = el("p", { class: "soft status" }, "starting the module …");
  const fields = chapter.parameters.map(parameterField);
  const numbers = el("div", { class: "numbers" }, fields.map(({ element }) => element));
  const place = el("div", {}, numbers);
  root.replaceChildren(
    contents(chapter),
    el("h1", {}, chapter.title),
    el("div", { class: "text" }, renderMarkdown(text)),
    el("section", { class: "play", "aria-label": "numbers to drag" }, place, printed, trouble, status),
    el("div", { class: "after" },
       el("details", { class: "exercises" }, el("summary", {}, counted(exercises.length, "exercise")), exercises.map(exerciseForm)),
       nextChapter(chapter)));
  dockWhenPassed(place, numbers);
  play(fields, chapter.name, ({ tape, curves, printed: lines, error }, milliseconds) => {
    trouble.textContent = error ?? "";
    status.textContent = error ? "" : `computed by the library in ${digits(milliseconds, 2)} ms`;
    if (error) return;
    printed.textContent = lines;
    shown.update({ ...data, tape, curves });
  }).then((started) => { status.textContent = started; });
}

// All chapters, whose pages stand in the same folder, and the page with their list.
function contents({ name, chapters }) {
  const link = (page, text) => el("a", { href: `${page}.html` }, text);
  return el("nav", { "aria-label": "chapters" }, el("ol", {}, el("li", {}, link("index", "The walkthrough")), chapters.map((each) =>
    each.name === name ? el("li", {}, el("span", { "aria-current": "page" }, titled(each)))
                       : el("li", { class: "other" }, link(each.name, titled(each))))));
}

function nextChapter({ name, chapters }) {
  const next = chapters[chapters.findIndex((each) => each.name === name) + 1];
  return next ? el("p", {}, "Next: ", el("a", { href: `${next.name}.html` }, titled(next))) : null;
}

function titled({ name, title }) {
  return `${parseInt(name, 10)}. ${title}`;
}

// Once they leave the window upwards, the numbers stay at its lower edge, so that one sees the tape while dragging.
function dockWhenPassed(place, numbers) {
  window.addEventListener("scroll", () => {
    const { top, height } = place.getBoundingClientRect();
    const passed = top < 0;
    if (passed === numbers.classList.contains("docked")) return;
    place.style.minHeight = passed ? `${height}px` : "";
    numbers.classList.toggle("docked", passed);
    document.body.style.paddingBottom = passed ? `${numbers.offsetHeight}px` : "";
  }, { passive: true });
}

// A slider, and a field for the exact number. The slider of a logarithmic parameter counts decades, to three digits.
function parameterField({ name, from, to, start, whole, logarithmic }) {
  const [placeOf, valueAt] = logarithmic
    ? [(value) => Math.log10(Math.max(value, from)), (place) => clamp(Number((10 ** place).toPrecision(3)), from, to)] : [Number, Number];
  const [low, high] = [placeOf(from), placeOf(to)];
  const step = whole ? 1 : 10 ** Math.floor(Math.log10((high - low) / 100));
  const slider = el("input", { type: "range", "aria-label": name, min: low, max: high, step, value: placeOf(start), disabled: true });
  const field = el("input", { type: "number", "aria-label": `${name}, exactly`, min: from, max: to, step: whole ? 1 : "any", value: start,
                              disabled: true });
  const say = () => slider.setAttribute("aria-valuetext", field.value);
  say();
  const element = el("div", { class: "parameter" }, el("span", { class: "name", "aria-hidden": "true" }, name), slider, field);
  // The tape hears the arrow keys of the page; these are the slider's.
  element.addEventListener("keydown", (event) => event.stopPropagation());
  return {
    name, element,
    value: () => field.valueAsNumber,
    start(changed) {
      slider.disabled = field.disabled = false;
      slider.addEventListener("input", () => { field.value = valueAt(slider.value); say(); changed(); });
      field.addEventListener("input", () => { slider.value = placeOf(field.value); say(); changed(); });
    },
  };
}

// Recomputes when a number has changed, once a frame at most. Resolves to a line about how it stands.
async function play(fields, name, show) {
  if (typeof loadModule === "undefined") return "This page was written without the WebAssembly module, so that its numbers stay as they are.";
  let instance;
  try {
    instance = await loadModule();
  } catch (error) {
    return `The numbers stay as they are, because the WebAssembly module does not start here: ${error.message}`;
  }
  let waiting = false;
  const recompute = () => {
    waiting = false;
    const values = Object.fromEntries(fields.map((field) => [field.name, field.value()]));
    const begin = performance.now();
    let result;
    try {
      result = JSON.parse(instance.ccall("walkthrough_recompute", "string", ["string", "string"], [name, JSON.stringify(values)]));
    } catch (error) {
      result = { error: String(error.message ?? error) };
    }
    show(result, performance.now() - begin);
  };
  const changed = () => {
    if (!waiting) requestAnimationFrame(recompute);
    waiting = true;
  };
  for (const field of fields) field.start(changed);
  return "Drag a number: the library itself computes anew, in this page.";
}

// The text before "## Exercises", and { title, question, answer } of each exercise: docs/walkthrough/README.md has the form.
function splitChapter(markdown) {
  const [text, rest = ""] = markdown.split(/^## Exercises\n/m);
  const exercises = rest.split(/^### /m).slice(1).map((each) => {
    const [, title, question, answer] = /^(.*)\n([^]*?)<details><summary>Answer<\/summary>\n([^]*?)<\/details>/.exec(each);
    return { title, question, answer, right: /`([^`]+)`/.exec(answer)[1] };
  });
  return [text.replace(/^# .*\n/, ""), exercises];
}

function exerciseForm({ title, question, answer, right }) {
  const parts = answerParts(right).length;
  const field = el("input", { type: "text", size: parts > 1 ? 24 : 12, "aria-label": `answer to ${title}`, autocomplete: "off",
                              placeholder: parts > 1 ? `${parts} answers, with commas` : null });
  const verdict = el("span", { class: "verdict", "aria-live": "polite" });
  const solution = el("div", { class: "solution", hidden: true }, renderMarkdown(answer));
  field.addEventListener("keydown", (event) => event.stopPropagation());
  const form = el("form", { onsubmit(event) {
    event.preventDefault();
    const isRight = isSameAnswer(field.value, right);
    verdict.textContent = isRight ? "Right." : "Not yet.";
    if (isRight) solution.hidden = false;
  } }, field, " ", el("button", { type: "submit", class: "main" }, "check"), " ",
       el("button", { type: "button", class: "quiet", onclick() { solution.hidden = false; } }, "show me"), " ", verdict);
  return el("section", { class: "exercise" }, el("h2", {}, title), renderMarkdown(question), form, solution);
}

// Numbers or words with blanks or commas in between, also as {2, 3} or x = 2. A fraction is a number.
function answerParts(text) {
  const plain = text.toLowerCase().replace(/−/g, "-").replace(/^.*=|[{}()]/g, " ").replace(/\s*\/\s*/g, "/").trim();
  return plain.split(/[\s,;]+/).map((part) => {
    const [, above, below] = /^([^/]+)\/([^/]+)$/.exec(part) ?? [];
    return below === undefined ? part : String(Number(above) / Number(below));
  });
}

// Numbers may be off by a hundredth of their size, since they are read off a page; words must be the same.
function isSameAnswer(given, right) {
  const [ours, wanted] = [answerParts(given), answerParts(right)];
  return ours.length === wanted.length && wanted.every((each, i) => Number.isNaN(Number(each)) ? ours[i] === each
    : ours[i] !== "" && Math.abs(Number(ours[i]) - Number(each)) <= 0.01 * Math.abs(Number(each)));
}
