// Plans on another platform: `node planner-child.mjs < SETUP`. SETUP is JSON {library, cases: [{sequences, limits}]}; prints the
// plans as JSON.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { library, cases } = JSON.parse(readFileSync(0, "utf8"));
const { loadAddon } = await import(pathToFileURL(join(library, "native", "load-addon.js")).href);
const addon = loadAddon();
const plans = cases.map(({ sequences, limits }) =>
  addon.planPrefixes(
    sequences.map((ids) => Int32Array.from(ids)),
    limits,
  ),
);
console.log(JSON.stringify(plans));
