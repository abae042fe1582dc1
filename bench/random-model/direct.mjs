/**
 * Random models whose float16 form would be too large as a first step: 69 GB for the 34B's shape. llama.cpp's quantiser
 * quantises a few million random numbers once per type, and tensors are slices of the result: real blocks with real scales,
 * written as fast as the disk allows.
 */
import { existsSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { convertFloats } from "../../dist/src/checkpoint/dtypes.js";
import { quantizedType } from "../../dist/src/gguf/quantization-mix.js";
import { tensorTypeByName } from "../../dist/src/gguf/types.js";
import { openEngine } from "../../dist/src/native/engine.js";
import { shapes } from "./shapes.mjs";
import { writeModel } from "./weights.mjs";

/** Raise when the files change. */
const RECIPE = 1;
/** Row length for the quantiser: any common multiple of all block sizes works. */
const ROW = 4096;

/**
 * @param {{ shape: string, type: string, folder: string, log: (line: string) => void, gpu?: string }} options gpu: the
 *   runtime whose quantiser is used; "off": the CPU runtime's
 * @returns {Promise<string>} its path
 */
export async function directModel({ shape, type, folder, log, gpu = "off" }) {
  mkdirSync(folder, { recursive: true });
  const output = join(folder, `random-${shape}-d${RECIPE}-${type}.gguf`);
  if (existsSync(output)) return output;
  log(`Making ${output}`);
  const mix = shapes[shape];
  await writeModel({
    shape,
    fileType: type,
    output,
    typeOf: (name, row) => (type === "f16" ? "f16" : quantizedType(type, name, row, mix)),
    encode: (to, floats) => (to === "f16" ? convertFloats(floats, "f32", "f16") : quantizeBlock(gpu, to, floats)),
  });
  return output;
}

async function quantizeBlock(gpu, to, floats) {
  const { addon } = await openEngine({ gpu });
  const [from, target] = ["f32", to].map((name) => tensorTypeByName(name).id);
  return addon.quantizeRows({ from, to: target, rowLength: ROW, threads: availableParallelism() }, floats);
}
