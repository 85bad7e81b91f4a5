// node pack.js GLUE.js MODULE.wasm OUTPUT.js: one file that defines
//   loadModule(): Promise of the module, with ccall
// emscripten's own single file asks fetch() for the bytes that it holds, which the Content-Security-Policy of a page
// that fetches nothing forbids. Here they are handed over, and compressed on the way: gzip takes two thirds away.
"use strict";

const fs = require("fs");
const zlib = require("zlib");

const [glue, module_, output] = process.argv.slice(2);
const packed = zlib.gzipSync(fs.readFileSync(module_), { level: 9 }).toString("base64");

fs.writeFileSync(output, `${fs.readFileSync(glue, "utf8")}
async function loadModule() {
  const bytes = Uint8Array.from(atob("${packed}"), (c) => c.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return createModule({ wasmBinary: await new Response(inflated).arrayBuffer() });
}
if (typeof module === "object") module.exports = loadModule;
`);
