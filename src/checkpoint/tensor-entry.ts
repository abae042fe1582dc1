/** The position of one tensor in a weight file. */
export interface TensorEntry {
  readonly name: string;
  /** As safetensors calls it, for example "BF16". */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes from the start of the file. */
  readonly position: number;
  /** Bytes. */
  readonly size: number;
}

/** Bytes of one value of each dtype of safetensors. Types below one byte are left out: no Llama has them. */
export const dtypeBytes: ReadonlyMap<string, number> = new Map([
  ["BOOL", 1],
  ["U8", 1],
  ["I8", 1],
  ["F8_E4M3", 1],
  ["F8_E5M2", 1],
  ["F8_E8M0", 1],
  ["U16", 2],
  ["I16", 2],
  ["F16", 2],
  ["BF16", 2],
  ["U32", 4],
  ["I32", 4],
  ["F32", 4],
  ["U64", 8],
  ["I64", 8],
  ["F64", 8],
  ["C64", 8],
]);
