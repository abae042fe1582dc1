/**
 * What the server costs beyond the library: single requests over many connections against one call with the same items, and the time
 * that one short text takes. `node bench/server.mjs --help`
 */
import { loadTokenizer } from "../dist/src/index.js";
import { script, taskFile } from "./contender-task.mjs";
import { compare, interleave } from "./interleave.mjs";
import { describeMachine, describeVersions, load } from "./machine.mjs";
import { modelsFolder, positive, readOptions, resultsFolder } from "./options.mjs";
import { shapes } from "./random-model/shapes.mjs";
import { randomModel } from "./random-model/write.mjs";
import { ratioTables, resultTable, save } from "./report.mjs";
import { median } from "./statistics.mjs";
import { shared } from "./workloads.mjs";

const USAGE = `Usage: node bench/server.mjs [--connections N] [--prompts N] [--response-tokens N] [--latency-only] [options]

Scores 200 responses to 25 prompts by starling-rm's server, one request each over --connections (default 32), and by one call of
score(). Then measures requests with one short text to the shape 3.5m, one after another.
--prompts (default 25) have 8 responses each, of --response-tokens (default 20).`;

/** The server may cost a tenth more time than the call. */
const MIN_RATE = 1 / 1.1;
const MAX_LATENCY_MS = 5;
const RESPONSES = 8;
const PROMPT_TOKENS = 24;
const LATENCY_REQUESTS = 200;
const LATENCY_MODEL = "3.5m";

const log = (line) => console.error(line);
const options = readOptions(USAGE, {
  connections: { type: "string" },
  prompts: { type: "string" },
  "response-tokens": { type: "string" },
  "latency-only": { type: "boolean", default: false },
});
const { model, type, repetitions, threads } = options;
const connections = positive("--connections", options.connections ?? 32);
const responseTokens = positive("--response-tokens", options["response-tokens"] ?? 20);
const prompts = positive("--prompts", options.prompts ?? 25);
const machine = describeMachine();
const loadBefore = load();
console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.os}`);

const overhead = options["latency-only"] ? undefined : await measureOverhead();
const latency = await measureLatency();
const results = {
  settings: { model, type, threads, repetitions, connections, prompts, responseTokens },
  machine,
  versions: describeVersions(),
  loadAverage: { before: loadBefore, after: load() },
  overhead,
  latency,
};
const file = save(resultsFolder, "server", results);
console.log(`\nLoad average ${loadBefore.toFixed(1)} before, ${load().toFixed(1)} after. Results: ${file}`);

async function measureOverhead() {
  const items = shared({ prompts, promptTokens: PROMPT_TOKENS, responses: RESPONSES, responseTokens });
  const contenders = await measure(model, items, {}, { connections });
  const [library, server] = contenders;
  const ratio = compare(server, library);
  console.log(
    `\n${prompts * RESPONSES} responses; random ${model}, ${type}, ${threads} threads, ${repetitions} repetitions\n`,
  );
  console.log(resultTable(contenders));
  console.log(`\n${ratioTables([{ ...ratio, atLeast: MIN_RATE }])}`);
  return { contenders, ratio };
}

async function measureLatency() {
  const items = shared({ prompts: LATENCY_REQUESTS, promptTokens: 8, responses: 1, responseTokens: 8 });
  const contenders = await measure(LATENCY_MODEL, items, { oneByOne: true }, { connections: 1 });
  const rows = contenders.map(({ name, measurements }) => {
    const sorted = measurements.flatMap(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
    const at = (share) => sorted[Math.floor(share * (sorted.length - 1))];
    return {
      name,
      p50: at(0.5),
      p90: at(0.9),
      p99: at(0.99),
      rounds: measurements.map((one) => median(one.milliseconds)),
    };
  });
  console.log(`\nOne text of 16 tokens after another; random ${LATENCY_MODEL}, ${type}\n`);
  for (const { name, p50, p90, p99, rounds } of rows) {
    const spread = `${Math.min(...rounds).toFixed(2)} to ${Math.max(...rounds).toFixed(2)}`;
    console.log(`${name}: p50 ${p50.toFixed(2)} ms (by round ${spread}), p90 ${p90.toFixed(2)}, p99 ${p99.toFixed(2)}`);
  }
  const { p50 } = rows.at(-1);
  console.log(`p50 of a request: ${p50 < MAX_LATENCY_MS ? "below" : "NOT BELOW"} ${MAX_LATENCY_MS} ms`);
  return rows;
}

/** The library and the server, in turns. */
async function measure(ofShape, items, libraryTask, serverTask) {
  const modelPath = await randomModel({ shape: ofShape, type, folder: modelsFolder, log });
  const turns = await makeTurns(modelPath, ofShape, items);
  const plan = (name, file, task) => ({
    name,
    does: name,
    command: [process.execPath, script(file), taskFile({ modelPath, threads, turns, ...task })],
  });
  const plans = [
    plan(libraryTask.oneByOne ? "score()" : "one call of score()", "starling-rm.mjs", libraryTask),
    plan(`${serverTask.connections} connections`, "server.mjs", serverTask),
  ];
  return interleave(plans, { repetitions, log });
}

async function makeTurns(modelPath, ofShape, items) {
  const tokenizer = await loadTokenizer({ modelPath });
  const turns = [];
  for (let turn = 0; turn <= repetitions; turn++) {
    const list = items(shapes[ofShape].vocabulary, turn);
    const tokenized = await tokenizer.tokenize(list);
    turns.push({ items: list, tokens: tokenized.reduce((sum, { ids }) => sum + ids.length, 0) });
  }
  return turns;
}
