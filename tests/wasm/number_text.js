// node number_text.js MODULE PROGRAM [SEED]: do both write the same lines?
"use strict";
const { execFileSync } = require("node:child_process");
const path = require("node:path");

const [module_, program, seed = String(Date.now() % 1e9)] = process.argv.slice(2);
const count = 3000;

(async () => {
  console.log(`number_text: seed ${seed}`);
  const compiled = await require(path.resolve(module_))();
  const ours = compiled.ccall("number_text", "string", ["number", "number"], [Number(seed), count]).split("\n");
  const native = execFileSync(program, [seed, String(count)], { encoding: "utf8", maxBuffer: 1 << 30 }).split("\n");
  const wrong = [...native.keys()].filter((i) => native[i] !== ours[i]);
  for (const i of wrong.slice(0, 10)) console.error(`native ${native[i]}\nwasm   ${ours[i]}`);
  if (wrong.length || ours.length !== native.length) throw new Error(`${wrong.length} of ${native.length} lines differ`);
  console.log(`number_text: ${native.length} lines agree`);
})();
