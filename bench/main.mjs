/** The bench itself; run.mjs starts it after checking that dist/ exists. */
import { resolve } from "node:path";
import { librariesIn } from "../dist/src/native/runtime-folder.js";
import { describeMachine, describeVersions, load } from "./machine.mjs";
import { measureWorkload } from "./measure-workload.mjs";
import { readOptions, resultsFolder } from "./options.mjs";
import { picture } from "./picture.mjs";
import {
  kernelLines,
  memoryLine,
  peakTable,
  ratioTables,
  resultPath,
  resultTable,
  skippedLines,
  wrapped,
  writeResults,
} from "./report.mjs";
import { measureGemmPeak } from "./roofline/gemm-peak.mjs";
import { findTorch } from "./torch.mjs";
import { workloads } from "./workloads.mjs";

const names = workloads.map(({ name }) => name);
const USAGE = `Usage: npm run bench -- [options]

Measures the library side by side with llama.cpp's own rate, node-llama-cpp and torch, where a
Python has it. See bench/README.md. --model and --type may be comma-separated lists here.

  --workload LIST     ${names.slice(0, 6).join(", ")},
                      ${names.slice(6).join(", ")} (default: all)
  --contenders REGEX  only these (default: all), which leaves time for more repetitions
  --runtime FOLDER    also score with this runtime, for example from npm run build:runtime
  --python FILE       a Python with torch (default python3); "sample" needs transformers too
  --json              print the results as JSON instead of tables
  --picture FILE      also write the results as an SVG`;

const log = (line) => console.error(line);
const options = readOptions(
  USAGE,
  {
    workload: { type: "string" },
    contenders: { type: "string" },
    runtime: { type: "string" },
    python: { type: "string" },
    json: { type: "boolean", default: false },
    picture: { type: "string" },
  },
  true,
);
const { models, types, repetitions, threads } = options;
const say = options.json ? () => {} : (text) => console.log(text);
const runtime = options.runtime === undefined ? undefined : resolve(options.runtime);
if (runtime !== undefined) librariesIn(runtime); // Throws for an invalid folder.
const runs = chooseRuns();
const torch = findTorch(options.python);
const wanted = new RegExp(options.contenders ?? ".");
const versions = { ...describeVersions(), ...(torch.version === undefined ? {} : { torch: torch.version }) };
const machine = describeMachine();
const loadBefore = load();

say(`${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 1024 ** 3).toFixed(0)} GiB, ${machine.os}`);
if (machine.features !== undefined) say(wrapped(machine.features));
say(`starling-rm ${versions["starling-rm"]}, llama.cpp ${versions["llama.cpp"]}, Node ${versions.node}`);
say(
  `node-llama-cpp ${versions["node-llama-cpp"]}, ${torch.version === undefined ? "no torch" : `torch ${torch.version}`}`,
);
const gemmPeak = measureGemmPeak({ threads, torch });
say(`\n${peakTable(gemmPeak)}`);

const results = {
  settings: { models, types, threads, repetitions, runtime, contenders: options.contenders },
  machine,
  versions,
  loadAverage: { before: loadBefore, after: loadBefore },
  gemmPeak,
  workloads: [],
};
const file = resultPath(resultsFolder, "bench");
for (const { workload, shape, type } of runs) {
  const settings = { shape, type, threads, repetitions, torch, runtime, wanted, peak: gemmPeak.best?.rate.median, log };
  const measured = await measureWorkload(workload, settings);
  results.workloads.push(measured);
  results.loadAverage.after = load();
  writeResults(file, results); // After each, because a run takes hours.
  const { name, description, model, skipped, contenders, comparisons } = measured;
  say(`\n${name}: ${description}\n${model}, ${threads} threads, ${repetitions} repetitions\n`);
  say(resultTable(contenders));
  for (const line of [...skippedLines(skipped), ...kernelLines(contenders)]) say(line);
  const [rates, memory] = ["rate", "memory"].map((kind) => comparisons.filter((one) => one.kind === kind));
  if (rates.length > 0) say(`\n${ratioTables(rates)}`);
  for (const one of memory) say(memoryLine(one));
}
if (options.picture !== undefined) picture(options.picture, results);
if (options.json) console.log(JSON.stringify(results, undefined, 2));
say(`\nLoad average ${loadBefore.toFixed(1)} before, ${load().toFixed(1)} after. Results: ${file}`);

/** Each workload with each model; those of the embedded model once. */
function chooseRuns() {
  const chosen = options.workload === undefined ? workloads : options.workload.split(",").map(workloadNamed);
  const random = chosen.filter(({ model }) => model !== "embedded");
  return [
    ...models.flatMap((shape) => types.flatMap((type) => random.map((workload) => ({ workload, shape, type })))),
    ...chosen.filter(({ model }) => model === "embedded").map((workload) => ({ workload })),
  ];
}

function workloadNamed(name) {
  // The multiplication sign of texts about the bench, too.
  const plain = name.trim().toLowerCase().replaceAll("×", "x");
  const found = workloads.find((workload) => workload.name === plain);
  if (found) return found;
  throw new RangeError(`Unknown workload "${name}". Workloads: ${names.join(", ")}.`);
}
