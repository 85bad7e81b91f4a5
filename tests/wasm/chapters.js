// node chapters.js MODULE FOLDER_OF_PROGRAMS [SEED]: the chapters of the walkthrough as WebAssembly against the native
// programs, where each parameter starts and at random values.
"use strict";
const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const path = require("node:path");

const [file, programs, seed = String(Date.now() % 1e9)] = process.argv.slice(2);
const TOLERANCE = 1e-6; // of the largest element of a tensor
const TRIES = 5; // random values for each chapter
const MILLISECONDS = 50; // for a recompute, in the middle

let state = Number(seed);
function random() { // mulberry32
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

function chosen({ from, to, whole, logarithmic }) {
  if (logarithmic) return Math.min(to, from * (to / from) ** random());
  return whole ? from + Math.floor(random() * (to - from + 1)) : from + random() * (to - from);
}

function native({ name }, values) {
  const options = Object.entries(values).flatMap(([parameter, value]) => [`--${parameter}=${value}`]);
  return JSON.parse(execFileSync(path.join(programs, name), [...options, "--json"], { encoding: "utf8", maxBuffer: 1 << 30 }));
}

function compareTensors(ours, theirs, where) {
  assert.deepEqual({ ...ours, elements: [], min: 0, max: 0, mean: 0 }, { ...theirs, elements: [], min: 0, max: 0, mean: 0 }, where);
  assert.equal(ours.elements.length, theirs.elements.length, where);
  const largest = Math.max(0, ...theirs.elements.filter(Number.isFinite).map(Math.abs));
  theirs.elements.forEach((wanted, i) => {
    const got = ours.elements[i];
    const close = typeof wanted === "number" ? Math.abs(got - wanted) <= TOLERANCE * largest : got === wanted;
    assert.ok(close, `${where}, element ${i}: ${got}, natively ${wanted}`);
  });
}

// Everything but times and bytes (a pointer has 32 bits there) has to be equal. Tensors are compared and not their places,
// because those that are equal share one.
function compareTapes(ours, theirs) {
  const visit = (a, b, where) => {
    if (b === null || typeof b !== "object") return assert.equal(a, b, where);
    assert.deepEqual(Object.keys(a), Object.keys(b), where);
    for (const key of Object.keys(b)) {
      if (["seconds", "bytes", "tensors"].includes(key)) continue;
      const here = `${where}.${key}`;
      if (["value", "cotangent", "total"].includes(key)) compareTensors(ours.tensors[a[key]], theirs.tensors[b[key]], here);
      else visit(a[key], b[key], here);
    }
  };
  visit(ours, theirs, "tape");
}

// The steps are the same, and the differences nearly: rounding is divided by the step. Which step was the best one, rounding
// decides.
function compareCurves(ours, theirs) {
  assert.equal(ours.length, theirs.length, "curves");
  theirs.forEach((wanted, place) => {
    const got = ours[place];
    const blank = { analytic: 0, numeric: 0, estimate: 0, step: 0, points: [] };
    assert.deepEqual({ ...got, ...blank }, { ...wanted, ...blank }, "a curve's element");
    const near = (name, a, b, by) => assert.ok(Math.abs(a - b) <= by, `curve ${place}, ${name}: ${a}, natively ${b}`);
    for (const name of ["analytic", "numeric"]) near(name, got[name], wanted[name], TOLERANCE * Math.max(1, Math.abs(wanted[name])));
    assert.ok(got.step > 0 && got.estimate >= 0 && got.estimate < TOLERANCE, `curve ${place}: step ${got.step}, estimate ${got.estimate}`);
    assert.equal(got.points.length, wanted.points.length, `points of curve ${place}`);
    wanted.points.forEach((point, i) => {
      near("step", got.points[i].step, point.step, 1e-3 * point.step);
      for (const name of ["forward", "central"]) near(name, got.points[i][name], point[name], TOLERANCE + 1e-15 / point.step);
    });
  });
}

// The words must be equal, and the numbers nearly: they have six digits.
function comparePrinted(ours, theirs) {
  const number = /-?\d+\.?\d*(?:e[-+]?\d+)?/g;
  const words = (text) => text.replace(number, "#").replace(/\s+/g, " ");
  assert.equal(words(ours), words(theirs));
  const numbers = ours.match(number) ?? [];
  (theirs.match(number) ?? []).forEach((text, i) =>
    assert.ok(Math.abs(numbers[i] - text) <= 2e-5 * Math.max(1, Math.abs(text)), `printed ${numbers[i]}, natively ${text}`));
}

function assertSameText(a, b, what) {
  if (a === b) return;
  let at = 0;
  while (a[at] === b[at]) ++at;
  assert.fail(`${what}: …${a.slice(Math.max(0, at - 60), at + 60)}… and …${b.slice(Math.max(0, at - 60), at + 60)}…`);
}

const withoutTimes = (text) => text.replace(/"seconds":[^,}]*/g, "");

function checkErrors(recompute, chapter) {
  const errors = [["{", "wanted a JSON object"], ["[]", "wanted a JSON object"], ['{"no such": 1}', "has no parameter 'no such'"]];
  for (const { name, from, to, whole } of chapter.parameters) {
    errors.push([`{"${name}": ${to + 1}}`, `${name} must be in`], [`{"${name}": ${from - 1}}`, `${name} must be in`],
                [`{"${name}": null}`, `${name} must be a number`], [`{"${name}": "1"}`, `${name} must be a number`]);
    if (whole) errors.push([`{"${name}": ${from + 0.5}}`, `${name} must be a whole number`]);
  }
  for (const [values, message] of errors) {
    const { error } = JSON.parse(recompute(chapter.name, values));
    assert.ok(error?.includes(message), `${chapter.name} ${values}: ${error}`);
  }
}

(async () => {
  console.log(`chapters: seed ${seed}`);
  const load = require(path.resolve(file));
  const begin = performance.now();
  const compiled = await load();
  console.log(`chapters: the module starts in ${(performance.now() - begin).toFixed(0)} ms`);
  const other = await load();
  const recomputeIn = (instance) => (name, values) =>
    instance.ccall("walkthrough_recompute", "string", ["string", "string"], [name, values]);
  const recompute = recomputeIn(compiled);
  const chapters = JSON.parse(compiled.ccall("walkthrough_chapters", "string", [], []));
  assert.ok(chapters.length > 0);
  assert.deepEqual(JSON.parse(recompute("none", "{}")), { error: "there is no chapter of this name" });

  for (const chapter of chapters) {
    for (const { from, logarithmic } of chapter.parameters) assert.ok(!logarithmic || from > 0, "no decades");
    const starts = Object.fromEntries(chapter.parameters.map(({ name, start }) => [name, start]));
    const tries = Array.from({ length: TRIES }, () =>
      Object.fromEntries(chapter.parameters.map((parameter) => [parameter.name, chosen(parameter)])));
    const times = [];
    for (const values of [starts, ...tries]) {
      try {
        const text = JSON.stringify(values);
        const result = recompute(chapter.name, text);
        assertSameText(withoutTimes(recompute(chapter.name, text)), withoutTimes(result), "two runs differ");
        assertSameText(withoutTimes(recomputeIn(other)(chapter.name, text)), withoutTimes(result), "two instances differ");
        const ours = JSON.parse(result);
        assert.equal(ours.error, undefined);
        assert.ok(ours.tape.nodes.length > 0, "the tape is empty");
        const theirs = native(chapter, values);
        compareTapes(ours.tape, theirs.tape);
        compareCurves(ours.curves, theirs.curves);
        comparePrinted(ours.printed, theirs.printed);
        for (let i = 0; i < 5; ++i) {
          const from = performance.now();
          recompute(chapter.name, text);
          times.push(performance.now() - from);
        }
      } catch (error) {
        error.message = `${chapter.name} ${JSON.stringify(values)}: ${error.message}`;
        throw error;
      }
    }
    assertSameText(withoutTimes(recompute(chapter.name, "{}")), withoutTimes(recompute(chapter.name, JSON.stringify(starts))), "{} is the start");
    checkErrors(recompute, chapter);
    times.sort((a, b) => a - b);
    const middle = times[times.length >> 1];
    console.log(`${chapter.name}: agrees; a recompute takes ${middle.toFixed(1)} ms, at most ${times.at(-1).toFixed(1)} ms`);
    assert.ok(middle < MILLISECONDS, "a recompute takes too long");
  }
})();
