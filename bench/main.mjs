/** The bench itself; run.mjs starts it after checking that dist/ exists. */
import { resolve } from "node:path";
import { embeddedModelPath } from "../dist/src/embedded-model.js";
import { inspectModel } from "../dist/src/entry/convert.js";
import { loadTokenizer } from "../dist/src/index.js";
import { librariesIn } from "../dist/src/native/runtime-folder.js";
import { comparisonsOf } from "./comparisons.mjs";
import { contendersFor, OURS } from "./contenders.mjs";
import { interleave } from "./interleave.mjs";
import { describeMachine, describeVersions, load } from "./machine.mjs";
import { modelsFolder, readOptions, resultsFolder } from "./options.mjs";
import { picture } from "./picture.mjs";
import { shapes } from "./random-model/shapes.mjs";
import { randomModel } from "./random-model/write.mjs";
import { memoryLine, ratioLine, resultTable, save } from "./report.mjs";
import { workloads } from "./workloads.mjs";

const USAGE = `Usage: npm run bench -- [options]

Measures the library side by side with llama.cpp's own rate, node-llama-cpp and, with --python, the model card's code in
torch. See bench/README.md.

  --workloads LIST    comma-separated: ${workloads.map(({ name }) => name).join(", ")} (default: all for the model)
  --contenders REGEX  only these (default: all), which leaves time for more repetitions
  --runtime FOLDER    also score with this runtime, for example from npm run build:runtime
  --python FILE       a Python interpreter with torch and transformers, for the workload "sample"
  --picture FILE      also write the results as an SVG`;

const log = (line) => console.error(line);
const options = readOptions(USAGE, {
  workloads: { type: "string" },
  contenders: { type: "string" },
  runtime: { type: "string" },
  python: { type: "string" },
  picture: { type: "string" },
});
const { modelType, shape, repetitions, threads, python } = options;
const runtime = options.runtime === undefined ? undefined : resolve(options.runtime);
if (runtime !== undefined) librariesIn(runtime); // Throws for an invalid folder.
const chosen = chooseWorkloads(options.workloads, shape);
const machine = describeMachine();
const versions = describeVersions();
const loadBefore = load();

console.log(
  `${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 1024 ** 3).toFixed(0)} GiB, ${machine.os}`,
);
console.log(
  `starling-rm ${versions["starling-rm"]}, llama.cpp ${versions["llama.cpp"]}, ` +
    `node-llama-cpp ${versions["node-llama-cpp"]}, Node ${versions.node}`,
);
const measured = [];
for (const workload of chosen) {
  const modelPath =
    workload.model === "embedded"
      ? await embeddedModelPath()
      : await randomModel({ shape, type: modelType, folder: modelsFolder, log });
  const { size } = await inspectModel({ modelPath });
  const turns = await makeTurns(workload, modelPath);
  const wanted = new RegExp(options.contenders ?? ".");
  const all = contendersFor(workload, { modelPath, threads, turns, python, runtime });
  const plans = all.filter(({ name }) => name === OURS || wanted.test(name));
  log(`${workload.description}: ${plans.map(({ name }) => name).join(", ")}`);
  const contenders = await interleave(plans, { repetitions, log });
  const comparisons = comparisonsOf(workload, contenders, { turns, modelBytes: size, shape });
  const model = workload.model === "embedded" ? "embedded, f16" : `random ${shape}, ${modelType}`;
  measured.push({ name: workload.name, description: workload.description, model, contenders, comparisons });
  console.log(
    `\n${workload.name}: ${workload.description}; ${model}, ${threads} threads, ${repetitions} repetitions\n`,
  );
  console.log(resultTable(contenders));
  const lines = comparisons.map((one) => (one.kind === "memory" ? memoryLine(one) : ratioLine(one)));
  console.log(["", ...lines].join("\n"));
}
const settings = { modelType, shape, threads, repetitions, runtime };
const loadAverage = { before: loadBefore, after: load() };
const results = { settings, machine, versions, loadAverage, workloads: measured };
const file = save(resultsFolder, "bench", results);
if (options.picture !== undefined) picture(options.picture, results);
console.log(`\nLoad average ${loadBefore.toFixed(1)} before, ${loadAverage.after.toFixed(1)} after. Results: ${file}`);

function chooseWorkloads(names, shape) {
  // The longest workload proves no more about the bench than the others.
  const fitting = workloads.filter(({ model }) => model !== "tiny" || (shape === "tiny" && !options.quick));
  if (names === undefined) return fitting;
  return names.split(",").map((name) => {
    const found = workloads.find((workload) => workload.name === name.trim());
    if (found) return found;
    throw new RangeError(`Unknown workload "${name}". Workloads: ${workloads.map((one) => one.name).join(", ")}.`);
  });
}

/** The items of each measurement, warm-up included, and their tokens. */
async function makeTurns(workload, modelPath) {
  const tokenizer = await loadTokenizer({ modelPath });
  const turns = [];
  for (let turn = 0; turn <= repetitions; turn++) {
    const items = workload.items(shapes[shape].vocabulary, turn);
    const ids = (await tokenizer.tokenize(items)).map((item) => Array.from(item.ids));
    turns.push({ items, ids, tokens: ids.reduce((sum, { length }) => sum + length, 0) });
  }
  return turns;
}
