import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { FileError } from "../errors.ts";
import { codeOf, exists, type OpenFile, openFile, quote, readInto } from "../gguf/bounded-file.ts";
import { type LlamaConfig, MAX_CONFIG_BYTES, parseConfig } from "./config.ts";
import { readJsonFile, readSmallFile } from "./json.ts";
import { refuse } from "./refuse.ts";
import { readSafetensorsHeader } from "./safetensors.ts";
import { MAX_TOKENIZER_MODEL_BYTES, parseSentencePiece, type SentencePieceModel } from "./sentencepiece.ts";
import { findWeightFiles, type WeightFiles } from "./shard-index.ts";
import type { TensorEntry } from "./tensor-entry.ts";
import {
  type JsonFile,
  MAX_TOKENIZER_CONFIG_BYTES,
  parseTokenizerConfig,
  type TokenizerConfig,
} from "./tokenizer-config.ts";
import { readTorchFile } from "./torch-file.ts";

/** A tensor of a checkpoint: where it lies and what it is. */
export interface CheckpointTensor extends TensorEntry {
  /** The path of its file. */
  readonly file: string;
}

/** Bytes of a file that was read in full, for the checksum of the source. */
export interface SourceFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** An open checkpoint folder. Close it when done: it holds its weight files open. */
export class Checkpoint {
  readonly folder: string;
  readonly config: LlamaConfig;
  readonly pieces: SentencePieceModel;
  readonly tokenizer: TokenizerConfig;
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /** config.json and the tokenizer's files. */
  readonly sources: readonly SourceFile[];
  readonly #files: ReadonlyMap<string, OpenFile>;

  constructor(parts: CheckpointParts) {
    this.folder = parts.folder;
    this.config = parts.config;
    this.pieces = parts.pieces;
    this.tokenizer = parts.tokenizer;
    this.tensors = parts.tensors;
    this.sources = parts.sources;
    this.#files = parts.files;
  }

  /** The last part of the folder's path. */
  get folderName(): string {
    return basename(resolve(this.folder));
  }

  /**
   * Fills `target` with the tensor's bytes from `offset` on.
   *
   * @throws FileError ERR_FILE_NOT_READABLE when the file was cut in the meantime
   */
  async readTensor(tensor: CheckpointTensor, offset: number, target: Uint8Array): Promise<void> {
    const file = this.#files.get(tensor.file);
    if (file === undefined || offset + target.length > tensor.size)
      throw new RangeError(`The tensor ${tensor.name} has no bytes from ${offset} to ${offset + target.length}.`);
    await readInto(file, tensor.position + offset, target);
  }

  async close(): Promise<void> {
    await closeAll(this.#files.values());
  }
}

interface CheckpointParts {
  folder: string;
  config: LlamaConfig;
  pieces: SentencePieceModel;
  tokenizer: TokenizerConfig;
  tensors: ReadonlyMap<string, CheckpointTensor>;
  sources: readonly SourceFile[];
  files: ReadonlyMap<string, OpenFile>;
}

/**
 * Opens a checkpoint folder as transformers writes it: config.json, model.safetensors or shards with an index, or the
 * same as files of torch.save, tokenizer.model, and tokenizer_config.json and special_tokens_map.json where there are.
 *
 * @throws FileError naming the file that is missing, unreadable or wrong
 */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  await checkFolder(folder);
  const configFile = await readJsonFile(join(folder, "config.json"), MAX_CONFIG_BYTES);
  const config = parseConfig(configFile.value, join(folder, "config.json"));
  const sources: SourceFile[] = [{ name: "config.json", bytes: configFile.bytes }];
  const vocabulary = await readVocabulary(folder, config, sources);
  const weights = await findWeightFiles(folder);
  const files = await openAll(weights.files.map((name) => join(folder, name)));
  try {
    const tensors = await readTensorList(folder, weights, files);
    return new Checkpoint({ folder, config, ...vocabulary, tensors, sources, files });
  } catch (error) {
    await closeAll(files.values());
    throw error;
  }
}

async function checkFolder(folder: string): Promise<void> {
  let isFolder = false;
  try {
    isFolder = (await stat(folder)).isDirectory();
  } catch (cause) {
    const reason = codeOf(cause) === "ENOENT" ? "does not exist" : "cannot be read";
    throw new FileError("ERR_FILE_NOT_READABLE", `The checkpoint folder ${folder} ${reason}.`, { file: folder, cause });
  }
  if (!isFolder)
    throw new FileError("ERR_FILE_NOT_READABLE", `${folder} is not a folder; a checkpoint folder is expected.`, {
      file: folder,
    });
}

async function readVocabulary(
  folder: string,
  config: LlamaConfig,
  sources: SourceFile[],
): Promise<{ pieces: SentencePieceModel; tokenizer: TokenizerConfig }> {
  const modelPath = join(folder, "tokenizer.model");
  const bytes = await readSmallFile(modelPath, MAX_TOKENIZER_MODEL_BYTES);
  sources.push({ name: "tokenizer.model", bytes });
  const pieces = parseSentencePiece(bytes, modelPath);
  if (pieces.pieces.length > config.vocabSize)
    throw refuse(
      modelPath,
      `has ${pieces.pieces.length} pieces, more than the vocab_size ${config.vocabSize} of config.json.`,
      {
        field: "vocab_size",
      },
    );
  const tokenizerConfig = await readOptional(folder, "tokenizer_config.json", sources);
  const map = await readOptional(folder, "special_tokens_map.json", sources);
  return { pieces, tokenizer: parseTokenizerConfig(pieces, tokenizerConfig, map) };
}

async function readOptional(folder: string, name: string, sources: SourceFile[]): Promise<JsonFile | undefined> {
  const path = join(folder, name);
  if (!(await exists(path))) return undefined;
  const { value, bytes } = await readJsonFile(path, MAX_TOKENIZER_CONFIG_BYTES);
  sources.push({ name, bytes });
  return { path, value };
}

async function openAll(paths: readonly string[]): Promise<Map<string, OpenFile>> {
  const files = new Map<string, OpenFile>();
  try {
    for (const path of paths) files.set(path, await openFile(path));
    return files;
  } catch (error) {
    await closeAll(files.values());
    throw error;
  }
}

async function closeAll(files: Iterable<OpenFile>): Promise<void> {
  for (const file of files) await file.handle.close();
}

/** The index and the shards must tell the same story: each tensor once, in the file that the index names. */
async function readTensorList(
  folder: string,
  weights: WeightFiles,
  files: ReadonlyMap<string, OpenFile>,
): Promise<Map<string, CheckpointTensor>> {
  const tensors = new Map<string, CheckpointTensor>();
  for (const name of weights.files) {
    const path = join(folder, name);
    const read = name.endsWith(".safetensors") ? readSafetensorsHeader : readTorchFile;
    for (const entry of await read(files.get(path) as OpenFile)) {
      const other = tensors.get(entry.name);
      if (other !== undefined)
        throw refuse(path, `holds the tensor ${quote(entry.name)}, which ${other.file} holds too.`, {
          tensor: entry.name,
        });
      if (weights.index !== undefined && weights.index.fileOf.get(entry.name) !== name)
        throw refuse(path, `holds the tensor ${quote(entry.name)}, which ${weights.index.path} does not place there.`, {
          tensor: entry.name,
        });
      tensors.set(entry.name, { ...entry, file: path });
    }
  }
  for (const [tensor, file] of weights.index?.fileOf ?? [])
    if (!tensors.has(tensor))
      throw refuse(
        join(folder, file),
        `lacks the tensor ${quote(tensor)}, which ${weights.index?.path} places there.`,
        {
          tensor,
        },
      );
  return tensors;
}
