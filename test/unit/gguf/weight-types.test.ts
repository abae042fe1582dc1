/** Which types a file's tensors have, and what is said of a file that does not hold what its type is called. */
import { describe, expect, it } from "vitest";
import type { GgufHeader, TensorInfo } from "../../../src/gguf/header.ts";
import { fileTypeByName, tensorBytes, tensorTypeByName } from "../../../src/gguf/types.ts";
import type { GgufValue } from "../../../src/gguf/value.ts";
import { describeWeightTypes, missingTypeNotice } from "../../../src/gguf/weight-types.ts";

const u32 = (value: number): GgufValue => ({ type: "u32", value });
const tensor = (name: string, type: string, ...dims: number[]): TensorInfo => ({
  name,
  type: tensorTypeByName(type),
  dims,
  position: 0,
  size: Number(tensorBytes(tensorTypeByName(type), dims.map(BigInt))),
});

function header(
  fileType: string,
  tensors: TensorInfo[],
  architecture = "llama",
): Pick<GgufHeader, "metadata" | "tensors"> {
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", { type: "string", value: architecture }],
    ["general.file_type", u32(fileTypeByName(fileType)?.id ?? 999)],
    ["llama.block_count", u32(8)],
    ["llama.attention.head_count", u32(8)],
    ["llama.attention.head_count_kv", u32(2)],
  ]);
  return { metadata, tensors };
}

describe("the types of a file", () => {
  it("are counted, with their bytes", () => {
    const tensors = [
      tensor("output_norm.weight", "f32", 256),
      tensor("token_embd.weight", "q6_k", 256, 10),
      tensor("blk.2.ffn_up.weight", "q4_k", 256, 4),
      tensor("blk.2.ffn_gate.weight", "q4_k", 256, 4),
    ];
    expect(describeWeightTypes(header("q4_k_m", tensors))).toEqual({
      tensorTypes: { f32: 1, q4_k: 2, q6_k: 1 },
      bytesByType: { f32: 1024, q4_k: 2 * 4 * 144, q6_k: 10 * 210 },
      typeFallbacks: [],
    });
  });

  it("are not what was asked for where rows do not hold whole blocks: grouped, with the reason", () => {
    const tensors = [
      tensor("output_norm.weight", "f32", 320),
      tensor("token_embd.weight", "q8_0", 320, 10),
      tensor("blk.2.ffn_up.weight", "q5_0", 320, 4),
      tensor("blk.2.ffn_gate.weight", "q5_0", 320, 4),
      tensor("blk.2.attn_output.weight", "q5_0", 64, 4),
      tensor("blk.2.attn_q.weight", "f16", 40, 4),
      tensor("blk.2.attn_k.weight", "q4_k", 512, 4),
    ];
    const found = describeWeightTypes(header("q4_k_m", tensors));
    const fallback = { wanted: "q4_k", used: "q5_0", rowLength: 320, blockSize: 256, tensors: 2 };
    expect(found.typeFallbacks).toEqual([
      fallback,
      { ...fallback, wanted: "q6_k", used: "q8_0", tensors: 1 },
      { ...fallback, rowLength: 64, tensors: 1 },
      { ...fallback, used: "f16", rowLength: 40, tensors: 1 },
    ]);
    expect(found.typeNotice).toBe(
      "5 of 6 matrices could not be stored as q4_k or q6_k: rows of 40, 64 and 320 values are not multiples of 256. " +
        "Stored as q5_0 (3), q8_0 (1) and f16 (1).",
    );
  });

  it("are told where none is the one that the file is labelled with", () => {
    const narrow = header("q4_k_m", [tensor("blk.2.ffn_up.weight", "q5_0", 320, 4)]);
    expect(describeWeightTypes(narrow).typeNotice).toBe(
      "None of the 1 matrices could be stored as q4_k: rows of 320 values are not multiples of 256. Stored as q5_0 (1).",
    );
    const rest = header("q4_k_m", [
      tensor("blk.2.ffn_up.weight", "q5_0", 320, 4),
      tensor("blk.2.attn_v.weight", "q6_k", 256, 4),
    ]);
    expect(describeWeightTypes(rest).typeNotice).toMatch(
      /^1 of 2 .* Stored as q5_0 \(1\)\. The file is labelled q4_k_m, but none of its matrices is q4_k: they are q5_0 and q6_k$/,
    );
    // Whatever the reason: blocks would have fitted here. The f32 of the norms is no weight type.
    const norm = tensor("output_norm.weight", "f32", 256);
    for (const type of ["q4_k_m", "f32", "f16"]) {
      const other = header(type, [norm, tensor("blk.2.ffn_up.weight", "q8_0", 256, 4)]);
      expect(missingTypeNotice("x.gguf", other)).toMatch(/^x\.gguf is labelled .* they are q8_0$/);
      expect(describeWeightTypes(other).typeFallbacks).toEqual([]);
    }
  });

  it("say nothing of files that nothing is known of", () => {
    const tensors = [tensor("blk.2.ffn_up.weight", "q5_0", 320, 4)];
    expect(describeWeightTypes(header("none", tensors))).not.toHaveProperty("typeNotice");
    expect(describeWeightTypes(header("q4_k_m", tensors, "other")).typeFallbacks).toEqual([]);
    expect(missingTypeNotice("x", header("q4_k_m", []))).toBeUndefined();
    expect(missingTypeNotice("x", { metadata: new Map(), tensors })).toBeUndefined();
  });
});
