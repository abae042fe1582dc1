/**
 * Experiments behind the defaults in src/scoring/backend-defaults.ts: changes one setting of the native scorer at a time, on
 * distinct sequences. `node bench/experiments.mjs --help`
 */
import { script, taskFile } from "./contender-task.mjs";
import { compare, interleave } from "./interleave.mjs";
import { promptRateCommand } from "./llama-cpp.mjs";
import { describeMachine, describeVersions, load } from "./machine.mjs";
import { modelsFolder, positive, readOptions, resultsFolder } from "./options.mjs";
import { shapes } from "./random-model/shapes.mjs";
import { randomModel } from "./random-model/write.mjs";
import { ratioTables, resultTable, save } from "./report.mjs";

const USAGE = `Usage: node bench/experiments.mjs [--only PATTERN] [--sequences N] [--tokens N] [options]

Compares settings of the native scorer with the CPU defaults, and with llama.cpp's prompt processing under some of the same
settings. --only is a regular expression for the variants' names. The work is --sequences (default 8) of --tokens (default
256) each.`;

const log = (line) => console.error(line);
const options = readOptions(USAGE, {
  only: { type: "string" },
  sequences: { type: "string" },
  tokens: { type: "string" },
});
const { model, type, repetitions, threads } = options;
const count = positive("--sequences", options.sequences ?? 8);
const tokens = positive("--tokens", options.tokens ?? 256);
const modelPath = await randomModel({ shape: model, type, folder: modelsFolder, log });

/** The library's defaults with llama.cpp's kernels, on a CPU for a model of this size, except for the number of threads. */
const exact = {
  path: modelPath,
  gpuLayers: 0,
  splitMode: "layer",
  mainDevice: 0,
  contextTokens: 2048,
  microBatch: 256,
  maxSequences: 1,
  batchTokens: 512,
  contextWorkers: threads,
  workerThreads: 1,
  soloThreads: threads,
  flashAttention: false,
  kvType: "f16",
  sharePrefixes: true,
  pinnedMebibytes: 0,
  paddingToken: -1,
  paddingPosition: -1,
  mmap: false,
  repacked: true,
  prefillWeights: [],
  prefillAttention: false,
  rowMultiple: 4,
};
const oneWorker = { ...exact, contextWorkers: 1, workerThreads: threads };
const packed = { ...oneWorker, maxSequences: 32, flashAttention: true, batchTokens: 2048, microBatch: 512 };

const vocabulary = shapes[model].vocabulary;
const scorer = (name, settings) => ({
  name,
  does: JSON.stringify(settings),
  command: [process.execPath, script("engine.mjs"), taskFile({ load: settings, count, tokens, vocabulary })],
});
const llama = (name, settings) => ({
  name,
  does: `llama.cpp with ${JSON.stringify(settings)}`,
  command: promptRateCommand({ modelPath, threads, tokens, prompts: count }, settings),
});

const variants = [
  scorer("exact (default)", exact),
  scorer("exact, f32 KV", { ...exact, kvType: "f32" }),
  scorer("exact, flash attention", { ...exact, flashAttention: true }),
  scorer("exact, micro-batch 512", { ...exact, microBatch: 512 }),
  scorer("exact, micro-batch 128", { ...exact, microBatch: 128 }),
  scorer("exact, micro-batch 64", { ...exact, microBatch: 64 }),
  scorer("exact, one worker with all threads", oneWorker),
  scorer("exact, one worker with 1 thread", { ...oneWorker, workerThreads: 1, soloThreads: 1 }),
  scorer("packed, f16 KV", packed),
  scorer("packed, f32 KV", { ...packed, kvType: "f32" }),
  llama("llama.cpp", {}),
  llama("llama.cpp, no flash attention", { "flash-attention": "off" }),
  llama("llama.cpp, f32 KV, no flash attention", { "flash-attention": "off", "kv-type": "f32" }),
  llama("llama.cpp, no spinning", { poll: 0 }),
];
const pattern = new RegExp(options.only ?? ".");
const [first, ...others] = variants;
const chosen = [first, ...others.filter(({ name }) => pattern.test(name))];

const loadBefore = load();
const contenders = await interleave(chosen, { repetitions, log });
const comparisons = contenders.slice(1).map((contender) => compare(contender, contenders[0]));
const seconds = ({ measurements }) => measurements.map(({ seconds }) => (1000 * seconds) / count);
console.log(`${count} sequences of ${tokens} tokens, random ${model} model, ${type}, ${threads} threads\n`);
console.log(resultTable(contenders));
console.log(`\n${ratioTables(comparisons)}`);
console.log(
  `\nfastest time per sequence, ms: ${contenders.map((one) => Math.min(...seconds(one)).toFixed(2)).join("  ")}`,
);
const settings = { model, type, threads, repetitions, count, tokens };
const loadAverage = { before: loadBefore, after: load() };
const results = {
  settings,
  machine: describeMachine(),
  versions: describeVersions(),
  loadAverage,
  contenders,
  comparisons,
};
console.log(`Results: ${save(resultsFolder, "experiments", results)}`);
