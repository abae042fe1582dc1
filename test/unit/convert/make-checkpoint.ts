/**
 * Makes tiny checkpoints, whole ones and broken ones: a safetensors writer and a SentencePiece writer that check
 * nothing, so that a test can write what a reader must refuse.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";

export interface RawTensor {
  dtype: string;
  shape: number[];
  data: Uint8Array;
}

const tiny = { hidden: 8, heads: 2, keyValueHeads: 1, headDim: 4, feedForward: 12, layers: 2 };

/** Values of a tensor: small, all different, exact in f16 and bf16. */
export function values(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => (((i * 7 + seed * 13) % 255) - 127) / 64);
}

export function f32(shape: number[], seed: number): RawTensor {
  const data = values(
    shape.reduce((a, b) => a * b, 1),
    seed,
  );
  return { dtype: "F32", shape, data: new Uint8Array(data.buffer) };
}

export function tinyTensors(vocabulary: number): Map<string, RawTensor> {
  const { hidden, heads, keyValueHeads, headDim, feedForward, layers } = tiny;
  const tensors = new Map<string, RawTensor>();
  let seed = 1;
  const add = (name: string, ...shape: number[]) => tensors.set(name, f32(shape, seed++));
  add("transformer.embed_tokens.weight", vocabulary, hidden);
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `transformer.layers.${layer}`;
    add(`${prefix}.self_attn.q_proj.weight`, heads * headDim, hidden);
    add(`${prefix}.self_attn.k_proj.weight`, keyValueHeads * headDim, hidden);
    add(`${prefix}.self_attn.v_proj.weight`, keyValueHeads * headDim, hidden);
    add(`${prefix}.self_attn.o_proj.weight`, hidden, heads * headDim);
    add(`${prefix}.mlp.gate_proj.weight`, feedForward, hidden);
    add(`${prefix}.mlp.up_proj.weight`, feedForward, hidden);
    add(`${prefix}.mlp.down_proj.weight`, hidden, feedForward);
    add(`${prefix}.input_layernorm.weight`, hidden);
    add(`${prefix}.post_attention_layernorm.weight`, hidden);
  }
  add("transformer.norm.weight", hidden);
  add("v_head.weight", 1, hidden);
  return tensors;
}

export function safetensors(tensors: ReadonlyMap<string, RawTensor>): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let offset = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.length] };
    offset += data.length;
  }
  return rawSafetensors(JSON.stringify(header), ...[...tensors.values()].map(({ data }) => data));
}

export function rawSafetensors(header: string | Buffer, ...data: Uint8Array[]): Buffer {
  const bytes = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes, ...data]);
}

export interface Piece {
  piece: string | Buffer;
  score?: number;
  type?: number;
}

export const specialPieces: Piece[] = [
  { piece: "<unk>", type: 2 },
  { piece: "<|startoftext|>", type: 3 },
  { piece: "<|endoftext|>", type: 3 },
  { piece: "<|im_start|>", type: 4 },
  { piece: "<|im_end|>", type: 4 },
  { piece: "\n", type: 4 },
];

export const bytePieces: Piece[] = Array.from({ length: 256 }, (_, byte) => ({
  piece: `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  type: 6,
}));

export const normalPieces: Piece[] = ["▁", "a", "b", "ab", "▁ab", "é", "語"].map((piece, i) => ({
  piece,
  score: -i - 0.5,
}));

export const tinyPieces: Piece[] = [...specialPieces, ...bytePieces, ...normalPieces];

export interface ModelProto {
  pieces?: Piece[];
  /** Fields of trainer_spec and normalizer_spec: number, then value (a boolean or number is a varint). */
  trainer?: [number, number | boolean | string][];
  normalizer?: [number, number | boolean | string][];
  /** Bytes of further fields at the end. */
  extra?: Buffer;
}

export function sentencePiece(model: ModelProto = {}): Buffer {
  const pieces = (model.pieces ?? tinyPieces).map(({ piece, score = 0, type }) =>
    lengthDelimited(
      1,
      Buffer.concat([
        lengthDelimited(1, Buffer.from(piece)),
        float(2, score),
        ...(type === undefined ? [] : [varint(3, type)]),
      ]),
    ),
  );
  const trainer = model.trainer ?? [
    [3, 2],
    [35, true],
  ];
  const normalizer = model.normalizer ?? [
    [1, "identity"],
    [3, false],
    [4, false],
  ];
  return Buffer.concat([
    ...pieces,
    lengthDelimited(2, message(trainer)),
    lengthDelimited(3, message(normalizer)),
    model.extra ?? Buffer.alloc(0),
  ]);
}

function message(fields: [number, number | boolean | string][]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) =>
      typeof value === "string" ? lengthDelimited(number, Buffer.from(value)) : varint(number, Number(value)),
    ),
  );
}

function varintBytes(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

export function lengthDelimited(number: number, content: Buffer): Buffer {
  return Buffer.concat([varintBytes(number * 8 + 2), varintBytes(content.length), content]);
}

export function varint(number: number, value: number): Buffer {
  return Buffer.concat([varintBytes(number * 8), varintBytes(value)]);
}

function float(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varintBytes(number * 8 + 5), bytes]);
}

export function tinyConfig(): Record<string, unknown> {
  return {
    model_type: "llama",
    hidden_act: "silu",
    hidden_size: tiny.hidden,
    intermediate_size: tiny.feedForward,
    num_attention_heads: tiny.heads,
    num_key_value_heads: tiny.keyValueHeads,
    num_hidden_layers: tiny.layers,
    max_position_embeddings: 128,
    rms_norm_eps: 1e-5,
    rope_theta: 5_000_000,
    rope_scaling: null,
    vocab_size: tinyPieces.length,
    pad_token_id: 0,
    _name_or_path: "someone/tiny-reward",
  };
}

function token(content: string): Record<string, unknown> {
  return { content, lstrip: false, rstrip: false, normalized: false, single_word: false, special: true };
}

export function tinyTokenizerConfig(): Record<string, unknown> {
  return {
    add_bos_token: false,
    add_eos_token: false,
    added_tokens_decoder: Object.fromEntries(
      [0, 1, 2, 3, 4].map((id) => [id, token(String((tinyPieces[id] as Piece).piece))]),
    ),
    bos_token: "<|startoftext|>",
    eos_token: "<|endoftext|>",
    pad_token: "<unk>",
    unk_token: "<unk>",
    legacy: true,
    chat_template: "{{ messages }}",
  };
}

export function tinySpecialTokensMap(): Record<string, unknown> {
  return { bos_token: "<|startoftext|>", eos_token: { content: "<|endoftext|>" }, unk_token: "<unk>" };
}

/** The files of a checkpoint by name; a test changes, adds or removes some. */
export type Files = Record<string, Buffer | string>;

export function tinyFiles(tensors = tinyTensors(tinyPieces.length)): Files {
  return {
    "config.json": JSON.stringify(tinyConfig()),
    "tokenizer.model": sentencePiece(),
    "tokenizer_config.json": JSON.stringify(tinyTokenizerConfig()),
    "special_tokens_map.json": JSON.stringify(tinySpecialTokensMap()),
    "model.safetensors": safetensors(tensors),
  };
}

const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

/** Writes files to a new folder, which lasts until the tests of the file are over, and returns its path. */
export async function writeCheckpoint(files: Files): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "starling-checkpoint-"));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** The files of {@link tinyFiles} with changed fields in one of the JSON files; undefined removes a field. */
export function withJson(name: string, changes: Record<string, unknown>, files: Files = tinyFiles()): Files {
  const value = { ...(JSON.parse(String(files[name])) as Record<string, unknown>), ...changes };
  return { ...files, [name]: JSON.stringify(value) };
}
