/**
 * Measures conversion at the 34B's scale: `node bench/conversion.mjs --help`. The checkpoints hold random numbers; layers that
 * are not measured are holes in sparse files.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeMachine, describeVersions, load } from "./machine.mjs";
import { modelsFolder, positive, resultsFolder } from "./options.mjs";
import { checkpointShapes, makeCheckpoint } from "./random-model/checkpoint.mjs";
import { save } from "./report.mjs";
import { summarize } from "./statistics.mjs";

const USAGE = `Usage: node bench/conversion.mjs [--only quantiser|whole] [--repetitions N] [--keep]

quantiser  two layers of the Yi-34B's width: our single pass to q4_k_m and llama.cpp's quantiser on the same tensors (a bf16
           GGUF), in turns; and whether both give the same bytes from the float32 conversion
whole      a checkpoint of the Yi-34B's shape, 69 GB with a few layers of real numbers and holes for the rest: time, peak
           memory, the time to read the same bytes with cat, and one score with the result

Needs 60 GB of disk space. --keep keeps the files in bench/models.`;

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    repetitions: { type: "string", default: "3" },
    keep: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const repetitions = positive("--repetitions", options.repetitions);
const GIB = 1024 ** 3;
const folder = join(modelsFolder, "conversion");
mkdirSync(folder, { recursive: true });
const results = { machine: describeMachine(), versions: describeVersions(), loadBefore: load() };
const wanted = (part) => options.only === undefined || options.only === part;
if (wanted("quantiser")) results.quantiser = await compareWithQuantiser();
if (wanted("whole")) results.whole = await convertWhole();
results.loadAfter = load();
console.log(`Results: ${save(resultsFolder, "conversion", results)}`);
if (!options.keep) rmSync(folder, { recursive: true, force: true });

/** Runs one step in its own process. @returns {seconds, cpuSeconds, peakBytes} and the step's own results */
function step(name, task) {
  const script = fileURLToPath(new URL("./contenders/conversion.mjs", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, JSON.stringify({ name, ...task })], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`The step ${name} failed: ${stderr.trim()}`);
  return JSON.parse(stdout);
}

async function compareWithQuantiser() {
  const checkpoint = await makeCheckpoint(join(folder, "two-layers"), checkpointShapes["two-layers"]);
  const output = (name) => join(folder, `two-layers.${name}.gguf`);
  step("convert", { checkpoint, output: output("bf16"), type: "bf16" });
  const ours = [];
  const theirs = [];
  for (let turn = 0; turn < repetitions; turn++) {
    ours.push(step("convert", { checkpoint, output: output("ours"), type: "q4_k_m" }));
    theirs.push(step("quantize", { input: output("bf16"), output: output("theirs"), type: "q4_k_m" }));
    console.error(
      `turn ${turn + 1}: ours ${ours.at(-1).seconds.toFixed(1)} s, llama.cpp ${theirs.at(-1).seconds.toFixed(1)} s`,
    );
  }
  step("convert", { checkpoint, output: output("f32"), type: "f32" });
  step("quantize", { input: output("f32"), output: output("theirs"), type: "q4_k_m" });
  const equal = (await sha256(output("ours"))) === (await sha256(output("theirs")));
  const ratios = summarize(ours.map(({ seconds }, i) => theirs[i].seconds / seconds));
  const bytes = statSync(join(checkpoint, "model.safetensors")).size;
  const rate = summarize(ours.map(({ seconds }) => (seconds / bytes) * 1e9));
  console.log(
    `2 layers of the 34B's width, bf16 (${(bytes / 1e9).toFixed(2)} GB) to q4_k_m: ${rate.median.toFixed(2)} s per GB ` +
      `(${rate.min.toFixed(2)} to ${rate.max.toFixed(2)})\n` +
      `llama.cpp's quantiser / ours = ${ratios.median.toFixed(3)} (${ratios.min.toFixed(3)} to ${ratios.max.toFixed(3)}): ` +
      `${ratios.median >= 1 ? "at least" : "BELOW"} 1\n` +
      `the same bytes as the quantiser's from the f32 conversion: ${equal ? "yes" : "NO"}\n` +
      `peak memory: ours ${mebibytes(ours)} MiB, llama.cpp ${mebibytes(theirs)} MiB`,
  );
  return { bytes, ours, theirs, ratios, secondsPerGigabyte: rate, equal };
}

async function convertWhole() {
  const checkpoint = await makeCheckpoint(join(folder, "34b"), checkpointShapes["34b"]);
  const output = join(folder, "34b.q4_k_m.gguf");
  rmSync(output, { force: true });
  const bytes = shards(checkpoint).reduce((sum, file) => sum + statSync(file).size, 0);
  const cat = readTime(shards(checkpoint));
  const converted = step("convert", {
    checkpoint,
    output,
    type: "q4_k_m",
    realLayers: checkpointShapes["34b"].realLayers,
  });
  const { realSeconds, realBytes } = converted;
  const perGigabyte = (realSeconds / realBytes) * 1e9;
  console.log(
    `34B shape, ${(bytes / 1e9).toFixed(1)} GB: ${converted.seconds.toFixed(0)} s as it is (most of it holes), peak memory ` +
      `${(converted.peakBytes / GIB).toFixed(2)} GiB\n` +
      `layers of real numbers: ${perGigabyte.toFixed(2)} s per GB, so ${((perGigabyte * bytes) / 1e9 / 60).toFixed(0)} min ` +
      `for all; reading the same bytes with cat: ${((cat / bytes) * 1e9).toFixed(3)} s per GB (mostly holes)`,
  );
  const score = scoreOnce(output);
  return { bytes, cat, converted, score };
}

function scoreOnce(model) {
  const started = performance.now();
  const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [cli, "score", "--model", model, "--prompt", "Hello", "--response", "Hi.", "--ctx", "64"],
    { encoding: "utf8" },
  );
  const seconds = (performance.now() - started) / 1000;
  console.log(`one short text: ${(status === 0 ? stdout : stderr).trim()}, after ${seconds.toFixed(0)} s`);
  return { status, stdout, stderr, seconds };
}

function shards(checkpoint) {
  const { weight_map: map } = JSON.parse(readFileSync(join(checkpoint, "model.safetensors.index.json"), "utf8"));
  return [...new Set(Object.values(map))].map((name) => join(checkpoint, name));
}

function readTime(files) {
  const started = performance.now();
  const { status } = spawnSync("sh", ["-c", 'cat "$@" > /dev/null', "sh", ...files], { stdio: "ignore" });
  if (status !== 0) throw new Error("cat failed.");
  return (performance.now() - started) / 1000;
}

async function sha256(path) {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

function mebibytes(steps) {
  return Math.max(...steps.map(({ peakBytes }) => peakBytes / 1024 ** 2)).toFixed(0);
}
