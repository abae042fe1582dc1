/** Genuine small files of each format. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertCheckpoint } from "../../../src/convert/convert.ts";
import { TemporaryFile } from "../../../src/files/temporary-file.ts";
import { writeHeadFile } from "../../../src/gguf/head-file.ts";
import { op, torchFile, view } from "../checkpoint/make-torch-file.ts";
import {
  type Files,
  type RawTensor,
  safetensors,
  sentencePiece,
  tinyFiles,
  tinyPieces,
  tinyTensors,
  writeCheckpoint,
} from "../convert/make-checkpoint.ts";
import type { Corpus } from "./targets.ts";

const fixtures = join("test", "fixtures", "checkpoints");

export async function makeCorpus(): Promise<Corpus> {
  const tensors = tinyTensors(tinyPieces.length);
  const wrapped = op.dict(op.text("state_dict"), pickled(tensors));
  const storages = Object.fromEntries([...tensors.values()].map(({ data }, i) => [i, data]));
  const more = [{ name: "archive/version", data: Buffer.from("3\n"), wide: true }];
  const torch = torchFile({ pickle: pickled(tensors), storages });
  const wide = torchFile({ pickle: wrapped, storages, more }, { wideEnd: true, comment: "a comment" });
  const single = tinyFiles();
  return {
    safetensors: [single["model.safetensors"] as Buffer, safetensors(new Map([...tensors].slice(0, 2)))],
    torch: [torch, wide, await readFile(join(fixtures, "bin-f16", "pytorch_model-00002-of-00002.bin"))],
    sentencepiece: [sentencePiece(), await readFile(join(fixtures, "odd-f16", "tokenizer.model"))],
    gguf: [await makeGguf("f16"), await makeGguf("f32")],
    heads: [await makeHead(false), await makeHead(true)],
    rows: [...(await rowFiles("rows")), ...(await rowFiles("datasets")), { name: "x.csv", bytes: Buffer.from(CSV) }],
    checkpoint: [
      inBytes(single),
      inBytes(sharded(single, tensors, "safetensors", (part) => safetensors(part))),
      inBytes(sharded(single, tensors, "bin", (part) => torchOf(part))),
      inBytes({ ...(await fixtureFiles("alpha7b-like")), "added_tokens.json": '{"<s>":1,"</s>":2}' }),
    ],
  };
}

/** With tokenizer.model and tokenizer.json. */
async function fixtureFiles(name: string): Promise<Files> {
  const folder = join(fixtures, name);
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (file) => [file, await readFile(join(folder, file))] as const)),
  );
}

const CSV = 'prompt,chosen,rejected\r\n"a ""b"" c","line\nbreak",d\r\n,,\r\n';

async function rowFiles(folder: string): Promise<{ name: string; bytes: Buffer }[]> {
  const path = join("test", "fixtures", folder);
  const names = (await readdir(path)).sort();
  return Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(path, name)) })));
}

function pickled(tensors: ReadonlyMap<string, RawTensor>): Buffer {
  const parts = [...tensors].map(([name, { shape, data }], i) =>
    Buffer.concat([op.text(name), view({ key: String(i), length: data.length / 4, shape })]),
  );
  return op.orderedDict(...parts);
}

function torchOf(tensors: ReadonlyMap<string, RawTensor>): Buffer {
  const storages = Object.fromEntries([...tensors.values()].map(({ data }, i) => [i, data]));
  return torchFile({ pickle: pickled(tensors), storages });
}

/** The same checkpoint in two files with an index. */
function sharded(
  files: Files,
  tensors: ReadonlyMap<string, RawTensor>,
  kind: "safetensors" | "bin",
  write: (part: ReadonlyMap<string, RawTensor>) => Buffer,
): Files {
  const { "model.safetensors": _, ...rest } = files;
  const baseName = kind === "bin" ? "pytorch_model" : "model";
  const names = [`${baseName}-00001-of-00002.${kind}`, `${baseName}-00002-of-00002.${kind}`] as const;
  const list = [...tensors];
  const halves = [list.slice(0, 9), list.slice(9)] as const;
  const map = halves.flatMap((half, i) => half.map(([name]) => [name, names[i] as string]));
  return {
    ...rest,
    [names[0]]: write(new Map(halves[0])),
    [names[1]]: write(new Map(halves[1])),
    [`${baseName}.${kind}.index.json`]: JSON.stringify({
      metadata: { total_size: 1 },
      weight_map: Object.fromEntries(map),
    }),
  };
}

function inBytes(files: Files): ReadonlyMap<string, Uint8Array> {
  return new Map(Object.entries(files).map(([name, content]) => [name, Buffer.from(content)]));
}

async function makeHead(isFitted: boolean): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "starling-rm-corpus-"));
  try {
    const output = join(folder, "head.gguf");
    const file = await TemporaryFile.create(output);
    await writeHeadFile(file, {
      head: { weight: Float32Array.from({ length: 16 }, (_, i) => i / 3), ...(isFitted ? { bias: 0.5 } : {}) },
      name: "a head",
      profile: "starling-rm-34b",
      tokenization: "slow",
      ...(isFitted ? { fit: { model: "m", modelSha256: "0a".repeat(32), input: "p", cases: 3, ridge: 0.5 } } : {}),
    });
    await file.publish(false);
    return await readFile(output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeGguf(type: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "starling-rm-corpus-"));
  try {
    const output = join(folder, "model.gguf");
    await convertCheckpoint({ checkpoint: await writeCheckpoint(tinyFiles()), output, type });
    return await readFile(output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
