import type { PrefillAddon } from "../../../src/native/addon.ts";
import { type Format, formats, randomWeights } from "./weights.ts";

/** The formats of weights that each kernel takes. */
export async function takenFormats(
  addon: PrefillAddon,
  kernels: readonly string[],
): Promise<{ kernel: string; format: Format }[]> {
  const [columns, rows] = [256, 33];
  const takes = async (kernel: string, format: Format) => {
    const shape = { kernel, type: format.type, columns, rows, tokens: 1, parts: 1, repetitions: 1 };
    try {
      await addon.prefillMultiply(shape, randomWeights(format, columns, rows, 1).bytes, new Float32Array(columns));
      return true;
    } catch (error) {
      if (/does not take such weights/.test(String(error))) return false;
      throw error;
    }
  };
  const taken: { kernel: string; format: Format }[] = [];
  for (const kernel of kernels)
    for (const format of formats) if (await takes(kernel, format)) taken.push({ kernel, format });
  return taken;
}
