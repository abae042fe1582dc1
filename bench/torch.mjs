/** torch as a contender, where an interpreter has it. */
import { spawnSync } from "node:child_process";
import { embeddedCheckpoint } from "../dist/src/embedded-model.js";
import { script, taskFile } from "./contender-task.mjs";
import { shapes } from "./random-model/shapes.mjs";

export const PADDED = "torch, padded to 2048";
export const UNPADDED = "torch, unpadded";
export const BF16 = "torch bf16";
export const INT8 = "torch int8";

const DEFAULT_PYTHON = "python3";
/** Importing torch from a cold disk takes a while. */
const PROBE_MS = 120_000;
/** Tokens of the sequences that are multiplied together; more gains nothing. */
const PACK_TOKENS = 2048;

const PROBE = `
import importlib.util, json, torch
try:
    from torch.ao.quantization import quantize_dynamic
except ImportError:
    quantize_dynamic = None
print(json.dumps({
    "version": torch.__version__,
    "rmsNorm": hasattr(torch.nn.functional, "rms_norm"),
    "int8": quantize_dynamic is not None,
    "transformers": importlib.util.find_spec("transformers") is not None,
}))`;

/**
 * @typedef {object} Torch
 * @property {string} python the interpreter
 * @property {string} [version] absent if the interpreter has no torch
 * @property {(name: string) => string | undefined} missing why a contender of this name is not possible
 */

/** @param {string} python an interpreter @returns {Torch} */
export function findTorch(python = DEFAULT_PYTHON) {
  const { status, error, stdout, stderr } = spawnSync(python, ["-c", PROBE], { encoding: "utf8", timeout: PROBE_MS });
  if (status !== 0) {
    const reason = error?.message ?? stderr.trim().split("\n").at(-1);
    return { python, missing: () => `${python} cannot import torch (${reason}); name another one with --python` };
  }
  const { version, rmsNorm, int8, transformers } = JSON.parse(stdout);
  const missing = (name) => {
    if (name === PADDED || name === UNPADDED) return transformers ? undefined : `${python} has no transformers`;
    if (!rmsNorm) return `torch ${version} is older than 2.4`;
    return name === INT8 && !int8 ? `torch ${version} has no dynamic quantisation` : undefined;
  };
  return { python, version, missing };
}

/**
 * The contenders in torch; those that are not possible have the reason as `missing`.
 *
 * @param {import("./workloads.mjs").Workload} workload
 * @param {{ torch: Torch, shape: string, threads: number, turns: object[] }} work turns: {ids, tokens}
 */
export function torchContenders(workload, { torch, shape, threads, turns }) {
  const plan = (name, does, file, task) => ({
    name,
    does,
    missing: torch.missing(name),
    command: [torch.python, script(file), taskFile({ threads, turns, ...task })],
  });
  if (workload.model === "embedded") {
    const card = (name, does, padded) => plan(name, does, "reference.py", { checkpoint: embeddedCheckpoint(), padded });
    return [
      card(PADDED, "the model card's code: one batch, every text padded to 2048 tokens", true),
      card(UNPADDED, "the same model, one text after another, without padding", false),
    ];
  }
  const trunk = (name, does, weights) =>
    plan(name, does, "torch_trunk.py", { shape: shapes[shape], weights, packTokens: PACK_TOKENS });
  return [
    trunk(BF16, "a Llama of the same shape in bfloat16, texts packed without padding, nothing shared", "bf16"),
    trunk(INT8, "the same with torch's dynamic quantisation: int8 products, the rest in float32", "int8"),
  ];
}
