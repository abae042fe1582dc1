/** The contenders of a workload, as commands for contender.mjs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { embeddedCheckpoint } from "../dist/src/embedded-model.js";
import { RUNTIME_VARIABLE } from "../dist/src/native/runtime-folder.js";
import { promptRateCommand } from "./llama-cpp.mjs";

/** Prompt length of llama-bench's pp512. */
const CEILING_TOKENS = 512;
/** The ceiling is a rate; more prompts would not make it more precise. Workloads that share prefixes need it less. */
const MAX_CEILING_PROMPTS = 4;
const MAX_CEILING_PROMPTS_SHARED = 2;

export const OURS = "starling-rm";
export const OWN_BUILD = "starling-rm, own build";
export const UNSHARED = "starling-rm, nothing shared";
export const CEILING = "llama.cpp pp512";
export const STOCK = "llama.cpp embeddings, one each";
export const STOCK_BATCH = "llama.cpp embeddings, one batch";
export const PEER = "node-llama-cpp";
export const PADDED = "torch, padded to 2048";
export const UNPADDED = "torch, unpadded";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
let tasks = 0;

/** Writes a task to a file: a command line has no room for thousands of ids. */
export function taskFile(task) {
  const path = join(folder, `${tasks++}.json`);
  writeFileSync(path, JSON.stringify(task));
  return path;
}

export const script = (name) => fileURLToPath(new URL(`contenders/${name}`, import.meta.url));

/**
 * @param {import("./workloads.mjs").Workload} workload
 * @param {object} work
 * @param {string} work.modelPath
 * @param {number} work.threads
 * @param {{ items: object[], ids: number[][], tokens: number }[]} work.turns one per measurement: items, their token ids, and
 *   the total number of tokens
 * @param {string | undefined} work.python a Python interpreter with torch and transformers
 * @param {string | undefined} work.runtime a runtime folder to compare with the prebuilt runtime
 * @returns {import("./contender.mjs").ContenderPlan[]}
 */
export function contendersFor(workload, { modelPath, threads, turns, python, runtime }) {
  const [{ ids, tokens }] = turns;
  const longest = Math.max(...ids.map(({ length }) => length));
  const asItems = turns.map((turn) => ({ items: turn.items, tokens: turn.tokens }));
  const asIds = turns.map((turn) => ({ ids: turn.ids, tokens: turn.tokens }));
  const ours = (name, does, options) => ({
    name,
    does,
    command: [process.execPath, script("starling-rm.mjs"), taskFile({ modelPath, threads, turns: asItems, options })],
  });
  const plans = [ours(OURS, "score() with the default settings")];
  if (runtime !== undefined) {
    const own = ours(OWN_BUILD, `the same with the runtime ${runtime}`);
    plans.push({ ...own, environment: { [RUNTIME_VARIABLE]: runtime } });
  }
  if (workload.shares) {
    plans.push(ours(UNSHARED, "the same with sharePrefixes: false", { sharePrefixes: false }));
  }
  const prompts = Math.max(
    1,
    Math.min(workload.shares ? MAX_CEILING_PROMPTS_SHARED : MAX_CEILING_PROMPTS, Math.round(tokens / CEILING_TOKENS)),
  );
  if (workload.model !== "embedded") {
    plans.push({
      name: CEILING,
      does: `llama.cpp's own prompt processing rate, as llama-bench measures it: ${prompts} x 512 tokens`,
      command: promptRateCommand({ modelPath, threads, tokens: CEILING_TOKENS, prompts }),
    });
  }
  if (workload.name === "8x256") {
    const stock = (name, does, embeddings) => ({
      name,
      does,
      command: promptRateCommand({ modelPath, threads, tokens: longest, prompts: ids.length }, { embeddings }),
    });
    plans.push(
      stock(STOCK_BATCH, "llama.cpp's embedding path, pooling last: all sequences in one batch", "batch"),
      stock(STOCK, "the same, one sequence per decode", "each"),
    );
  }
  plans.push({
    name: PEER,
    does: "its embedding context, one text after another",
    command: [process.execPath, script("node-llama-cpp.mjs"), taskFile({ modelPath, threads, turns: asIds })],
  });
  if (workload.model === "embedded" && python !== undefined) {
    const torch = (name, does, padded) => ({
      name,
      does,
      command: [
        python,
        script("reference.py"),
        taskFile({ checkpoint: embeddedCheckpoint(), threads, turns: asIds, padded }),
      ],
    });
    plans.push(
      torch(PADDED, "the model card's code: one batch, every text padded to 2048 tokens", true),
      torch(UNPADDED, "the same model, one text after another, without padding", false),
    );
  }
  return plans;
}
