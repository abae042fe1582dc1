// What we write opens in stock llama.cpp: builds its tools from the pinned source, and compares our scores with the dot
// product of llama-embedding's vector and the stored head. Needs no network.
// Usage: node scripts/check-stock-llama.mjs [--folder FOLDER | --tools FOLDER]   (after npm run build)
//   --folder keeps source and build (default: build/stock-llama); --tools has the programs already
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { embeddedCheckpoint } from "../dist/src/embedded-model.js";
import { convert } from "../dist/src/entry/convert.js";
import { readGguf } from "../dist/src/gguf/reader.js";
import { loadRewardModel, loadTokenizer } from "../dist/src/index.js";
import { extractLlama, root } from "./build-addon.mjs";

const HEAD = "starling.head.weight";
/** Another compiler, other kernels and 7 decimals per value: we have seen differences of up to 2e-6. */
const TOLERANCE = 2e-5;
/**
 * llama.cpp's tokenizer is not ours: only texts with equal ids are compared. It puts no space before a text, which is
 * what the slow tokenizer does with this model.
 */
const TOKENIZATION = "slow";
const LEAST_TEXTS = 4;
const TEXTS = [
  "Hello, how are you today?",
  "What is the capital of France? Paris is the capital of France.",
  "a",
  "The answer is 42, because 6 times 7 is 42.",
  "An apple is a fruit. A carrot is a vegetable.",
  "<|im_start|>Name a fruit.<|im_end|>",
  "I do not know.",
  "zq \u8a9e \u00e9 \u{1f600}",
];
/** llama.cpp's log prints numbers one by one and sometimes loses some; the list is then too short. */
const MOST_ATTEMPTS = 20;
const TOOLS = ["llama-embedding", "llama-quantize", "llama-tokenize"];
const OFF = ["OPENSSL", "BUILD_TESTS", "BUILD_SERVER", "BUILD_APP", "USE_PREBUILT_UI"];

const { values } = parseArgs({ options: { folder: { type: "string" }, tools: { type: "string" } } });
const bin = resolve(values.tools ?? buildTools(resolve(values.folder ?? join(root, "build", "stock-llama"))));
const tools = (tool, args) => run(join(bin, tool), args);
const work = await mkdtemp(join(tmpdir(), "starling-rm-stock-"));
let wrong = 0;
try {
  for (const type of ["f32", "f16"]) await compareScores(type);
  await checkQuantized();
} finally {
  await rm(work, { recursive: true });
}
console.log(wrong === 0 ? "All as expected." : `${wrong} checks failed.`);
process.exitCode = wrong === 0 ? 0 : 1;

/** @returns {string} the folder of the programs */
function buildTools(folder) {
  mkdirSync(folder, { recursive: true });
  const source = extractLlama(join(folder, "source"), ["."]);
  const build = join(folder, "build");
  const options = OFF.map((name) => `-DLLAMA_${name}=OFF`);
  run("cmake", ["-S", source, "-B", build, "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=OFF", ...options]);
  const jobs = String(availableParallelism());
  run("cmake", ["--build", build, "--config", "Release", "-j", jobs, "--target", ...TOOLS]);
  return [join(build, "bin", "Release"), join(build, "bin")].find((path) => existsSync(path));
}

function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")} failed (${status}): ${error?.message ?? stderr.slice(-2000)}`);
}

async function ourScores(modelPath, texts) {
  const model = await loadRewardModel({ modelPath, gpu: "off", tokenization: TOKENIZATION });
  try {
    return (await model.score(texts.map((text) => ({ text })))).map(({ score }) => score);
  } finally {
    await model.close();
  }
}

async function headOf(path) {
  return (await readGguf(path)).metadata.get(HEAD).value;
}

async function trunkOf(path) {
  return (await readGguf(path)).metadata.get("starling.trunk.sha256")?.value;
}

async function compareScores(type) {
  const path = join(work, `${type}.gguf`);
  await convert({ checkpoint: embeddedCheckpoint(), output: path, type });
  const tokenizer = await loadTokenizer({ modelPath: path, tokenization: TOKENIZATION });
  const texts = [];
  for (const text of TEXTS) {
    const [{ ids }] = await tokenizer.tokenize([{ text }]);
    const theirs = JSON.parse(tools("llama-tokenize", ["-m", path, "--ids", "--no-bos", "--no-escape", "-p", text]));
    if (JSON.stringify([...ids]) === JSON.stringify(theirs)) texts.push(text);
  }
  check(`${type}: equal ids for ${texts.length} of ${TEXTS.length} texts`, texts.length >= LEAST_TEXTS);
  const head = await headOf(path);
  const scores = await ourScores(path, texts);
  for (const [i, text] of texts.entries()) {
    const vector = embed(path, text, head.length);
    const stock = vector.reduce((sum, value, j) => sum + value * head[j], 0);
    const difference = Math.abs(stock - scores[i]);
    check(
      `${type}: stock ${stock.toFixed(6)}, ours ${scores[i].toFixed(6)}, difference ${difference.toExponential(1)}  ${JSON.stringify(text)}`,
      difference <= TOLERANCE,
    );
  }
}

/** In float32 throughout, as the scorer computes. */
function embed(path, text, length) {
  const exact = ["-fa", "off", "-ctk", "f32", "-ctv", "f32"];
  const output = ["--pooling", "last", "--embd-normalize", "-1", "--embd-output-format", "array"];
  const input = ["--no-escape", "--embd-separator", "<#sep#>", "-p", text];
  for (let attempt = 1; ; attempt++) {
    const printed = tools("llama-embedding", ["-m", path, ...exact, ...output, ...input]);
    const vector = parsed(printed)?.[0];
    if (vector?.length === length) return vector;
    if (attempt === MOST_ATTEMPTS) throw new Error(`llama-embedding did not print ${length} numbers: ${printed}`);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function checkQuantized() {
  const [from, to] = [join(work, "f32.gguf"), join(work, "q4_k_m.gguf")];
  tools("llama-quantize", [from, to, "q4_k_m"]);
  const [before, after] = [await headOf(from), await headOf(to)];
  const same = Buffer.from(before.buffer).equals(Buffer.from(after.buffer));
  check(`llama-quantize q4_k_m keeps the head's ${after.length} values bit for bit`, same);
  const trunks = [await trunkOf(from), await trunkOf(to)];
  check(`and the fingerprint of the trunk, ${trunks[0]}`, trunks[0] !== undefined && trunks[0] === trunks[1]);
  const scores = await ourScores(to, TEXTS);
  const numbers = scores.map((score) => score.toFixed(3)).join(", ");
  check(`and its file scores: ${numbers}`, scores.every(Number.isFinite));
}

function check(what, holds) {
  console.log(`${holds ? "ok   " : "WRONG"} ${what}`);
  if (!holds) wrong += 1;
}
