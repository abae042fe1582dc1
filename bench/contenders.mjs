/** The contenders of a workload, as commands for contender.mjs. */
import { RUNTIME_VARIABLE } from "../dist/src/native/runtime-folder.js";
import { loadOptionChecks } from "../dist/src/scoring/load-options.js";
import { script, taskFile } from "./contender-task.mjs";
import { promptRateCommand } from "./llama-cpp.mjs";
import { torchContenders } from "./torch.mjs";

/** Prompt length of llama-bench's pp512. */
const CEILING_TOKENS = 512;
/** The ceiling is a rate; more prompts would not make it more precise. Workloads that share prefixes need it less. */
const MAX_CEILING_PROMPTS = 4;
const MAX_CEILING_PROMPTS_SHARED = 2;

export const OURS = "starling-rm";
export const OWN_BUILD = "starling-rm, own build";
export const UNSHARED = "starling-rm, nothing shared";
export const KERNELS_OFF = "starling-rm, kernels off";
export const PACKED = "starling-rm, packed";
export const PACKED_OFF = "starling-rm, packed, kernels off";
export const CEILING = "llama.cpp pp512";
export const SAME_LENGTH = "llama.cpp, the same length";
export const STOCK = "llama.cpp embeddings, one each";
export const STOCK_BATCH = "llama.cpp embeddings, one batch";
export const PEER = "node-llama-cpp";

/**
 * @typedef {object} Work
 * @property {string} modelPath
 * @property {string} shape of a random model
 * @property {number} threads
 * @property {{ items: object[], ids: number[][], tokens: number }[]} turns one per measurement: items, their token ids, and
 *   the total number of tokens
 * @property {import("./torch.mjs").Torch} torch
 * @property {string | undefined} runtime a runtime folder to compare with the prebuilt runtime
 */

/**
 * @typedef {import("./contender.mjs").ContenderPlan & { shares?: boolean, missing?: string | undefined }} Candidate `shares`:
 *   computes common prefixes once; `missing`: why it cannot take part
 */

/**
 * @param {import("./workloads.mjs").Workload} workload
 * @param {Work} work
 * @returns {Candidate[]} the first one is OURS
 */
export function contendersFor(workload, work) {
  return [
    ...ourContenders(workload, work),
    ...llamaContenders(workload, work),
    {
      name: PEER,
      does: "its embedding context, one text after another",
      command: [process.execPath, script("node-llama-cpp.mjs"), taskFile(withIds(work))],
    },
    ...torchContenders(workload, { ...work, turns: withIds(work).turns }),
  ];
}

function withIds({ modelPath, threads, turns }) {
  return { modelPath, threads, turns: turns.map(({ ids, tokens }) => ({ ids, tokens })) };
}

function ourContenders(workload, { modelPath, threads, turns, runtime }) {
  const hasKernels = "kernels" in loadOptionChecks;
  const asItems = turns.map(({ items, tokens }) => ({ items, tokens }));
  const ours = (name, does, { kernels = "auto", ...others } = {}) => {
    const options = { ...others, ...(hasKernels ? { kernels } : {}) };
    return {
      name,
      does,
      shares: others.sharePrefixes !== false,
      missing: kernels === "off" && !hasKernels ? "this build has no kernels of its own to turn off" : undefined,
      command: [process.execPath, script("starling-rm.mjs"), taskFile({ modelPath, threads, turns: asItems, options })],
    };
  };
  const packed = { batchMode: "packed" };
  const plans = [
    ours(OURS, "score() with the default settings"),
    ours(KERNELS_OFF, "the same with llama.cpp's own kernels", { kernels: "off" }),
    ours(PACKED, "several sequences in one batch", packed),
    ours(PACKED_OFF, "the same with llama.cpp's own kernels", { ...packed, kernels: "off" }),
  ];
  if (runtime !== undefined) {
    const own = ours(OWN_BUILD, `the default settings with the runtime ${runtime}`);
    plans.push({ ...own, environment: { [RUNTIME_VARIABLE]: runtime } });
  }
  if (workload.shares)
    plans.push(ours(UNSHARED, "the default settings with sharePrefixes: false", { sharePrefixes: false }));
  return plans;
}

function llamaContenders(workload, { modelPath, threads, turns }) {
  if (workload.model === "embedded") return [];
  const [{ ids, tokens }] = turns;
  const most = workload.shares ? MAX_CEILING_PROMPTS_SHARED : MAX_CEILING_PROMPTS;
  const prompts = Math.max(1, Math.min(most, Math.round(tokens / CEILING_TOKENS)));
  const plans = [
    {
      name: CEILING,
      does: `llama.cpp's own prompt processing rate, as llama-bench measures it: ${prompts} x 512 tokens`,
      command: promptRateCommand({ modelPath, threads, tokens: CEILING_TOKENS, prompts }),
    },
  ];
  const [{ length }] = ids;
  if (workload.shares || ids.some((sequence) => sequence.length !== length)) return plans;
  const same = (name, does, settings) =>
    plans.push({
      name,
      does,
      command: promptRateCommand({ modelPath, threads, tokens: length, prompts: ids.length }, settings),
    });
  same(SAME_LENGTH, `the same rate for prompts of ${length} tokens`, {});
  if (workload.name === "8x256") {
    same(STOCK_BATCH, "llama.cpp's embedding path, pooling last: all sequences in one batch", { embeddings: "batch" });
    same(STOCK, "the same, one sequence per decode", { embeddings: "each" });
  }
  return plans;
}
