/** A reward model's GGUF as others would have made it of the same checkpoint: no head, an output layer, llama.cpp's own tables. */
import { readFileSync, writeFileSync } from "node:fs";
import { bool, u32 } from "../src/gguf/entries.ts";
import { readGguf } from "../src/gguf/reader.ts";
import { serializeHeader } from "../src/gguf/serialize.ts";
import { tensorTypeByName } from "../src/gguf/types.ts";
import type { GgufValue } from "../src/gguf/value.ts";

interface Changes {
  readonly metadata?: (metadata: Map<string, GgufValue>) => void;
  /** Changes a tensor's bytes in place. */
  readonly tensor?: (name: string, bytes: Buffer) => void;
  readonly withoutOutput?: boolean;
}

/** @returns `output` */
export async function makeLanguageModel(model: string, output: string, changes: Changes = {}): Promise<string> {
  const { metadata: own, tensors } = await readGguf(model);
  const bytes = readFileSync(model);
  const architecture = String(own.get("general.architecture")?.value);
  const metadata = new Map([...own].filter(([key]) => !key.startsWith("starling.")));
  for (const key of ["pooling_type", "classifier.output_labels", "attention.causal", "vocab_size"])
    metadata.delete(`${architecture}.${key}`);
  metadata.set("tokenizer.ggml.add_bos_token", bool(true));
  metadata.set("general.quantized_by", { type: "string", value: "someone" });
  metadata.set("quantize.imatrix.entries_count", { type: "i32", value: 224 });
  changes.metadata?.(metadata);
  const [, embedding] = [...tensors]
    .sort((a, b) => Number(a.name === "token_embd.weight") - Number(b.name === "token_embd.weight"))
    .slice(-2);
  const dims = embedding?.dims ?? [32, 1];
  const layer = { name: "output.weight", type: tensorTypeByName("f16"), dims };
  const plans = changes.withoutOutput === true ? tensors : [layer, ...tensors];
  const header = serializeHeader(metadata, plans);
  const file = Buffer.alloc(header.fileSize);
  header.bytes.copy(file);
  for (const { name, position, size } of tensors) {
    const target = header.tensors.find((tensor) => tensor.name === name)?.position ?? 0;
    bytes.copy(file, target, position, position + size);
    changes.tensor?.(name, file.subarray(target, target + size));
  }
  writeFileSync(output, file);
  return output;
}

/** Its llama_ftype, as a GGUF has it. */
export const fileType = (id: number): GgufValue => u32(id);
