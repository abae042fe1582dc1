// The random model: q4_k_m, as the 34B is used.
import { stat } from "node:fs/promises";
import { directModel } from "../../bench/random-model/direct.mjs";

const TYPE = "q4_k_m";

export async function run({ gpu, shape, folder }) {
  const path = await directModel({ shape, type: TYPE, folder, gpu, log: (line) => console.error(line) });
  return { shape, type: TYPE, path, bytes: (await stat(path)).size };
}
