/**
 * Random models whose float16 form would be too large to make first: 69 GB for the 34B's shape. A few million random
 * numbers are quantised once for each type of the file's mix, by llama.cpp's own quantiser, and the tensors are stretches
 * of that: real blocks with real scales, written as fast as the disk takes them.
 */
import { existsSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { convertFloats } from "../../dist/src/convert/dtypes.js";
import { quantizedType } from "../../dist/src/gguf/quantization-mix.js";
import { tensorTypeByName } from "../../dist/src/gguf/types.js";
import { openEngine } from "../../dist/src/native/engine.js";
import { shapes } from "./shapes.mjs";
import { writeModel } from "./weights.mjs";

/** Raise it when the files that are made change. */
const RECIPE = 1;
/** What is quantised at once; any multiple of every type's block does. */
const ROW = 4096;

/**
 * @param {{ shape: string, type: string, folder: string, log: (line: string) => void, gpu?: string }} options gpu: the
 *   runtime whose quantiser is taken, "off" for the CPU's
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
