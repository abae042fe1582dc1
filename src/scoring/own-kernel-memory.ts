/** What weights take once our own kernels have packed them; from the header only. */
import { loadAddon } from "../native/load-addon.ts";
import type { NamedSample } from "./weight-samples.ts";

export interface PackedWeights {
  /** Bytes in the file of the weights that our kernels would take. */
  readonly inFile: number;
  /** Bytes of them in memory. */
  readonly inMemory: number;
}

/** Which kernels are faster is only known when they are tried: all that could be taken are. None without the addon. */
export function packedWeights(samples: readonly NamedSample[]): PackedWeights {
  let [inFile, inMemory] = [0, 0];
  for (const { type, columns, rows, fileBytes, totalBytes } of samples) {
    const packed = bytesOf({ type, columns, rows });
    if (packed === 0) continue;
    inFile += totalBytes;
    inMemory += (totalBytes / fileBytes) * packed;
  }
  return { inFile, inMemory: Math.ceil(inMemory) };
}

function bytesOf(shape: { readonly type: number; readonly columns: number; readonly rows: number }): number {
  try {
    return loadAddon().prefillWeightBytes(shape);
  } catch {
    // No kernel knows the type, or there is no addon, which loading will say.
    return 0;
  }
}
