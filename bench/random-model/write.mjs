/** Random reward models in this project's GGUF format, made once and cached. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { convertFloats } from "../../dist/src/checkpoint/dtypes.js";
import { quantize } from "../../dist/src/entry/convert.js";
import { directModel } from "./direct.mjs";
import { shapes } from "./shapes.mjs";
import { writeModel } from "./weights.mjs";

/** Raise when the files change; older ones are then ignored. */
const RECIPE = 1;

/**
 * The GGUF of a shape and weight type; made unless it is in the folder.
 *
 * @param {{ shape: string, type: string, folder: string, log: (line: string) => void }} options
 * @returns {Promise<string>} its path
 */
export async function randomModel({ shape, type, folder, log }) {
  if (shapes[shape].direct) return directModel({ shape, type, folder, log });
  mkdirSync(folder, { recursive: true });
  const path = (weightType) => join(folder, `random-${shape}-r${RECIPE}-${weightType}.gguf`);
  const full = path("f16");
  if (!existsSync(full) && !existsSync(path(type))) {
    log(`Making ${full}`);
    await writeModel({
      shape,
      fileType: "f16",
      output: full,
      typeOf: () => "f16",
      encode: (_type, floats) => convertFloats(floats, "f32", "f16"),
    });
  }
  if (!existsSync(path(type))) {
    log(`Quantising it to ${type}`);
    await quantize({ input: full, output: path(type), type });
  }
  return path(type);
}
