/** The readers, what they are given, and what must hold of everything that they accept. */

import { openCheckpoint } from "../../../src/checkpoint/checkpoint.ts";
import { readSafetensorsHeader } from "../../../src/checkpoint/safetensors.ts";
import { parseSentencePiece } from "../../../src/checkpoint/sentencepiece.ts";
import { dtypeBytes, type TensorEntry } from "../../../src/checkpoint/tensor-entry.ts";
import { readTorchFile } from "../../../src/checkpoint/torch-file.ts";
import { agreedTokenization } from "../../../src/checkpoint/vocabulary.ts";
import { isStarlingError } from "../../../src/errors.ts";
import { describeHeadFile } from "../../../src/gguf/head-file.ts";
import { readGguf } from "../../../src/gguf/reader.ts";
import { readRewardMetadata } from "../../../src/gguf/reward-metadata.ts";
import type { RewardHead } from "../../../src/reward-head.ts";
import { rowsOf } from "../../../src/rows/read-rows.ts";
import { mutateBytes, pick, type Random } from "./byte-mutations.ts";
import {
  forgeGgufCount,
  mutateGguf,
  mutatePickle,
  mutateSafetensors,
  mutateSentencePiece,
} from "./format-mutations.ts";
import { mutateJson } from "./json-mutations.ts";
import { memoryFolder, memorySource, type OnRead } from "./memory-files.ts";
import { planted } from "./planted.ts";

/** Genuine small files, by target; a checkpoint is one folder. */
export interface Corpus {
  readonly safetensors: readonly Uint8Array[];
  readonly torch: readonly Uint8Array[];
  readonly sentencepiece: readonly Uint8Array[];
  readonly gguf: readonly Uint8Array[];
  readonly heads: readonly Uint8Array[];
  /** Of every format; the name of the file tells CSV. */
  readonly rows: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly checkpoint: readonly ReadonlyMap<string, Uint8Array>[];
}

/** One case: what a reader is to do. It fulfils or rejects; both are judged by the caller. */
type Case = () => Promise<void>;
/** @param claimed what the file says that it has beside its bytes */
export type Target = (corpus: Corpus, random: Random, onRead: OnRead, claimed: number) => Promise<Case>;

export const targets: { readonly [name: string]: Target } = {
  async safetensors(corpus, random, onRead, claimed) {
    const [bytes, other] = sample(corpus.safetensors, random);
    const structure = [[0, 16] as const, [0, 8 + Number(bytes.readBigUInt64LE())] as const];
    const mutated = random(3) > 0 ? mutateSafetensors(bytes, random) : mutateBytes(bytes, random, structure, other);
    const source = memorySource("model.safetensors", mutated, onRead, mutated.length + claimed);
    return async () => {
      const entries = await readSafetensorsHeader(source);
      checkEntries(entries, source.size);
      checkApart(entries);
    };
  },

  async torch(corpus, random, onRead) {
    const [bytes, other] = sample(corpus.torch, random);
    const pickle = bytes.indexOf("data.pkl");
    const structure = [
      [pickle - 40, pickle + 1500] as const,
      [bytes.length - 22, bytes.length] as const,
      [bytes.length - 800, bytes.length] as const,
    ];
    const mutated =
      random(2) > 0 ? await mutatePickle(bytes, random, other) : mutateBytes(bytes, random, structure, other);
    const source = memorySource("model.bin", mutated, onRead);
    // Tensors of torch.save may share a storage, so that nothing is said of overlaps.
    return async () => checkEntries(await readTorchFile(source), source.size);
  },

  async sentencepiece(corpus, random) {
    const [bytes, other] = sample(corpus.sentencepiece, random);
    const mutated =
      random(2) > 0 ? mutateSentencePiece(bytes, random, other) : mutateBytes(bytes, random, [[0, 200]], other);
    return async () => {
      const { pieces, scores, types } = parseSentencePiece(mutated, "tokenizer.model");
      hold(pieces.length === scores.length && pieces.length === types.length, "as many scores and types as pieces");
      hold(
        scores.every((score) => Number.isFinite(score)),
        "finite scores",
      );
      hold(new Set(Array.from(types, (_, id) => pieces.at(id))).size === pieces.length, "different pieces");
    };
  },

  async gguf(corpus, random, onRead, claimed) {
    const [bytes, other] = sample(corpus.gguf, random);
    const end = bytes.lastIndexOf("output_norm.weight") + 100;
    const structure = [[0, 24] as const, [0, 2000] as const, [0, end] as const, [end - 2500, end] as const];
    const mutated =
      random(claimed > 0 ? 2 : 20) === 0
        ? forgeGgufCount(bytes, random)
        : random(2) > 0
          ? mutateGguf(bytes, random)
          : mutateBytes(bytes, random, structure, other);
    const source = memorySource("model.gguf", mutated, onRead, mutated.length + claimed);
    return async () => {
      const header = await readGguf(source);
      for (const { name, position, size } of header.tensors)
        hold(position >= header.dataPosition && position + size <= source.size, `${name} inside the file`);
      checkApart(header.tensors);
      const { head, tokenizer, shape } = readRewardMetadata(header, source.path);
      hold(head.weight.length === shape.embeddingLength && isFiniteHead(head), "a finite head");
      hold(tokenizer.offsets.length === shape.vocabularySize + 1, "as many pieces as rows");
    };
  },

  async headFile(corpus, random, onRead) {
    const [bytes, other] = sample(corpus.heads, random);
    const start = [0, 200] as const;
    const mutated = mutateBytes(bytes, random, [start, [0, bytes.length] as const], other);
    const source = memorySource("head.gguf", mutated, onRead);
    return async () => {
      const { head, fit } = describeHeadFile(await readGguf(source), source.path);
      hold(head.weight.length > 0 && isFiniteHead(head), "a finite head");
      hold(fit === undefined || fit.ridge >= 0, "a ridge");
    };
  },

  async rows(corpus, random, onRead) {
    const { name, bytes } = pick(random, corpus.rows);
    const [file, other] = [Buffer.from(bytes), Buffer.from(pick(random, corpus.rows).bytes)];
    const isParquet = file.toString("latin1", 0, 4) === "PAR1";
    const footer = isParquet ? file.length - 8 - file.readUInt32LE(file.length - 8) : 0;
    // The schema comes first in the metadata, the places of the columns behind it; headers of pages lie between values.
    const structure = isParquet
      ? [[footer, file.length - 8] as const, [footer, footer + 1200] as const, [4, 300] as const, [4, footer] as const]
      : [[0, 40] as const, [0, file.length] as const];
    const mutated = mutateBytes(file, random, structure, other);
    const source = memorySource(name, mutated, onRead);
    return async () => {
      let rows = 0;
      for await (const row of rowsOf(source)) {
        rows += 1;
        hold(row.row === rows, "consecutive rows");
        hold("error" in row ? isStarlingError(row.error) : row.value !== undefined, "a value in each row");
        // A few bytes may stand for millions of nulls: that they come one by one is enough.
        if (rows === MAX_FUZZ_ROWS) break;
      }
    };
  },

  /** The whole folder, so that what the files say of each other is checked too. */
  async checkpoint(corpus, random, onRead) {
    const files = new Map(pick(random, corpus.checkpoint));
    const names = [...files.keys()];
    // Most of the time a JSON file: the weights and the pieces have targets of their own.
    const json = names.filter((name) => name.endsWith(".json"));
    for (let count = 1 + random(2); count > 0; count--) {
      const name = pick(random, random(4) === 0 ? names : json);
      const bytes = Buffer.from(files.get(name) ?? []);
      const other = Buffer.from(files.get(pick(random, names)) ?? []);
      const asText = json.includes(name) && random(8) > 0;
      files.set(
        name,
        asText ? Buffer.from(mutateJson(bytes.toString(), random)) : mutateBytes(bytes, random, [], other),
      );
      if (random(30) === 0) files.delete(name);
    }
    return async () => {
      const checkpoint = await openCheckpoint(memoryFolder(files, onRead));
      for (const tensor of checkpoint.tensors.values())
        checkEntries([tensor], (files.get(tensor.fileName) as Uint8Array).length);
      await checkpoint.close();
      const { vocabulary, profile } = checkpoint;
      if (vocabulary.kind === "sentencepiece") agreedTokenization(vocabulary, profile.follows, undefined);
    };
  },

  ...planted,
};

const MAX_FUZZ_ROWS = 10_000;

/** The targets that are readers, and not bugs. */
export const readers = Object.keys(targets).filter((name) => !Object.hasOwn(planted, name));

function sample(files: readonly Uint8Array[], random: Random): [Buffer, Buffer] {
  return [Buffer.from(pick(random, files)), Buffer.from(pick(random, files))];
}

function checkEntries(entries: readonly TensorEntry[], fileSize: number): void {
  for (const { name, dtype, shape, position, size } of entries) {
    const bytes = shape.reduce((product, dim) => product * BigInt(dim), BigInt(dtypeBytes.get(dtype) as number));
    hold(bytes === BigInt(size), `${name} with the size of its shape`);
    hold(position >= 0 && position + size <= fileSize, `${name} inside the file`);
  }
}

function checkApart(tensors: readonly { name: string; position: number; size: number }[]): void {
  let end = 0;
  for (const { name, position, size } of [...tensors].sort((a, b) => a.position - b.position || a.size - b.size)) {
    hold(position >= end, `${name} over no other tensor`);
    end = position + size;
  }
  hold(new Set(tensors.map(({ name }) => name)).size === tensors.length, "different names");
}

/** Not a StarlingError: what a reader accepted must be so. */
function hold(fact: boolean, expected: string): void {
  if (!fact) throw new Error(`The reader accepted a file without ${expected}.`);
}

function isFiniteHead({ weight, bias = 0 }: RewardHead): boolean {
  return weight.every(Number.isFinite) && Number.isFinite(bias);
}
