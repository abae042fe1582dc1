import { createHash } from "node:crypto";
import { type ByteSource, quote } from "../files/byte-source.ts";
import { findProfile } from "../profiles/find-profile.ts";
import { type HeadTensors, headOf, type Profile, type ProfileSigns } from "../profiles/profile.ts";
import { ROPE_DIVISORS } from "../trunk/tensor-names.ts";
import { Adapter } from "./adapt.ts";
import { AdaptedFolder } from "./adapted-folder.ts";
import { ADAPTER_CONFIG, refuseAdapter } from "./adapter-config.ts";
import { type CheckpointTemplate, readChatTemplate } from "./chat-template-file.ts";
import { type CheckpointTensor, floatTypeOf } from "./checkpoint-tensor.ts";
import { type CheckpointConfig, MAX_CONFIG_BYTES, parseConfig } from "./config.ts";
import { FLOAT_BYTES, toFloats } from "./dtypes.ts";
import { type CheckpointFolder, openLocalFolder } from "./folder.ts";
import { type JsonObject, own, readJsonFile } from "./json.ts";
import { refuse } from "./refuse.ts";
import { ropeDivisors } from "./rope-scaling.ts";
import { findWeightFiles, refuseLoneAdapter } from "./shard-index.ts";
import { headTensorsOf, withoutPrefixes } from "./tensor-prefixes.ts";
import { type CheckpointVocabulary, checkTokenizerFiles, readVocabulary, type SourceFile } from "./vocabulary.ts";
import { closeAll, openAll, readTensorList } from "./weight-tensors.ts";

export type { CheckpointTensor } from "./checkpoint-tensor.ts";

/** An open checkpoint folder. Close it when done: it holds its weight files open. */
export class Checkpoint {
  readonly folder: CheckpointFolder;
  readonly config: CheckpointConfig;
  readonly vocabulary: CheckpointVocabulary;
  /** The tokenizer's Jinja template, whether the profile uses it or not. */
  readonly chatTemplate: CheckpointTemplate | undefined;
  /** What kind of reward model it is. */
  readonly profile: Profile;
  /** Where its head is. */
  readonly head: HeadTensors;
  /** config.json as it is. */
  readonly settings: JsonObject;
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /** config.json and the tokenizer's files. */
  readonly sources: readonly SourceFile[];
  /** What to say about an adapter that is merged: sentences. */
  readonly notices: readonly string[];
  /** By their names in the folder. */
  readonly #files: ReadonlyMap<string, ByteSource>;
  readonly #closing = new AbortController();
  #whole: { readonly fileName: string; readonly source: ByteSource } | undefined;
  #prefetched: { readonly fileName: string; readonly source: Promise<ByteSource> } | undefined;

  constructor(parts: CheckpointParts) {
    this.folder = parts.folder;
    this.config = parts.config;
    this.vocabulary = parts.vocabulary;
    this.chatTemplate = parts.chatTemplate;
    this.profile = parts.profile;
    this.head = parts.head;
    this.settings = parts.settings;
    this.tensors = parts.tensors;
    this.sources = parts.sources;
    this.notices = parts.notices;
    this.#files = parts.files;
  }

  /**
   * Fills `target` with the tensor's bytes from `offset` on: whole rows, of one that an adapter changes.
   *
   * @throws FileError ERR_FILE_NOT_READABLE when the file was cut in the meantime
   */
  async readTensor(tensor: CheckpointTensor, offset: number, target: Uint8Array): Promise<void> {
    const { fileName, bytes, change } = tensor;
    if (change !== undefined) {
      const { stored } = change;
      const [, columns = 1] = stored.shape;
      const type = floatTypeOf(stored);
      const first = offset / (columns * FLOAT_BYTES.f32);
      const source = new Uint8Array((target.length / FLOAT_BYTES.f32) * FLOAT_BYTES[type]);
      await this.readTensor(stored, first * columns * FLOAT_BYTES[type], source);
      const rows = toFloats(source, type);
      await change.apply(rows, first);
      target.set(new Uint8Array(rows.buffer));
      return;
    }
    if (bytes !== undefined) {
      target.set(bytes.subarray(offset, offset + target.length));
      return;
    }
    const file = this.#whole?.fileName === fileName ? this.#whole.source : this.#files.get(fileName);
    if (file === undefined || offset + target.length > tensor.size)
      throw new RangeError(`The tensor ${tensor.name} has no bytes from ${offset} to ${offset + target.length}.`);
    await file.read(tensor.position + offset, target);
  }

  /** The files that decide the tensors' values, by name, each with an identity that changes when the file does. */
  get identities(): readonly (readonly [name: string, identity: string])[] {
    const files = [...this.#files].map(([name, { identity }]) => [name, identity] as const);
    const adapter = this.sources.filter(({ name }) => name === ADAPTER_CONFIG);
    return [
      ...files,
      ...adapter.map(({ name, bytes }) => [name, createHash("sha256").update(bytes).digest("hex")] as const),
    ];
  }

  /** @throws FileError naming a weight file that was written to since it was opened */
  async assertUnchanged(): Promise<void> {
    for (const file of this.#files.values()) await file.assertUnchanged?.();
  }

  /** The file of the last {@link useWhole}. */
  get wholeFile(): string | undefined {
    return this.#whole?.fileName;
  }

  /**
   * From now on reads this file's tensors from a complete copy of it, and releases the previous file's copy.
   *
   * @param next the file that is needed afterwards; it is fetched meanwhile
   */
  async useWhole(fileName: string, next?: string): Promise<void> {
    if (this.#whole?.fileName !== fileName) {
      await this.#releaseWhole();
      this.#whole = { fileName, source: await this.#takePrefetched(fileName) };
    }
    if (next === undefined || this.#prefetched !== undefined) return;
    const source = this.folder.openWhole(next, this.#closing.signal);
    // The caller that awaits the file gets the error.
    source.catch(() => {});
    this.#prefetched = { fileName: next, source };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#releaseWhole();
    await this.#prefetched?.source.then(
      (source) => source.close(),
      () => {},
    );
    await closeAll(this.#files.values());
  }

  async #releaseWhole(): Promise<void> {
    const before = this.#whole;
    this.#whole = undefined;
    await before?.source.close();
  }

  async #takePrefetched(fileName: string): Promise<ByteSource> {
    const prefetched = this.#prefetched;
    if (prefetched?.fileName !== fileName) return this.folder.openWhole(fileName, this.#closing.signal);
    this.#prefetched = undefined;
    return prefetched.source;
  }
}

interface CheckpointParts {
  folder: CheckpointFolder;
  config: CheckpointConfig;
  vocabulary: CheckpointVocabulary;
  chatTemplate: CheckpointTemplate | undefined;
  profile: Profile;
  head: HeadTensors;
  settings: JsonObject;
  tensors: ReadonlyMap<string, CheckpointTensor>;
  sources: readonly SourceFile[];
  notices: readonly string[];
  files: ReadonlyMap<string, ByteSource>;
}

/**
 * Opens a checkpoint folder as transformers writes it: config.json, model.safetensors or shards with an index, or the
 * same as files of torch.save, tokenizer.model or tokenizer.json or both, and tokenizer_config.json, special_tokens_map.json,
 * added_tokens.json and chat template files if they exist.
 *
 * @param profileName a profile's name, or "auto" to recognise it by the files
 * @throws FileError naming the file that is missing, unreadable or wrong
 */
export async function openCheckpoint(place: string | CheckpointFolder, profileName = "auto"): Promise<Checkpoint> {
  const folder = typeof place === "string" ? await openLocalFolder(place) : place;
  if (!(folder instanceof AdaptedFolder)) {
    await refuseAdapter(folder);
    await refuseLoneAdapter(folder);
    return openFolder(folder, profileName);
  }
  const adapter = await Adapter.open(folder);
  try {
    return await openFolder(folder, profileName, adapter);
  } catch (error) {
    await adapter.file.close();
    throw error;
  }
}

async function openFolder(folder: CheckpointFolder, profileName: string, adapter?: Adapter): Promise<Checkpoint> {
  const { value, bytes } = await readJsonFile(folder, "config.json", MAX_CONFIG_BYTES);
  const settings = adapter?.configOf(value) ?? value;
  const config = parseConfig(settings, folder.pathOf("config.json"));
  const sources: SourceFile[] = [{ name: "config.json", bytes }];
  if (adapter !== undefined) sources.push({ name: ADAPTER_CONFIG, bytes: adapter.config.bytes });
  const vocabulary = await readVocabulary(folder, config, sources);
  const chatTemplate = await readChatTemplate(folder, sources);
  const weights = await findWeightFiles(folder);
  const files = await openAll(folder, weights.files);
  try {
    const { tensors: stored, notice } = withoutPrefixes(await readTensorList(folder, weights, files));
    const { tensors, notices: merged } = adapter?.tensorsOf(stored) ?? { tensors: stored, notices: [] };
    const signs = signsOf({ folder, config, settings, vocabulary, tensors });
    addRopeDivisors(tensors, config, folder);
    const profile = findProfile(profileName, folder.path, signs);
    const head = headOf(profile, signs);
    const notices = [...(notice === undefined ? [] : [notice]), ...merged];
    if (vocabulary.kind === "sentencepiece") checkTokenizerFiles(folder, vocabulary, profile.follows);
    if (adapter !== undefined) addAdapter(files, adapter);
    return new Checkpoint({
      ...{ folder, config, vocabulary, chatTemplate, profile, head, settings, notices },
      ...{ tensors, sources, files },
    });
  } catch (error) {
    await closeAll([...files.values()].filter((file) => file !== adapter?.file));
    throw error;
  }
}

function addAdapter(files: Map<string, ByteSource>, { fileName, file }: Adapter): void {
  const other = files.get(fileName);
  if (other !== undefined) throw refuse(other.path, "is a weight file of the base and has the name of an adapter's.");
  files.set(fileName, file);
}

function signsOf({
  folder,
  config: { architectures, trunk, name },
  settings,
  vocabulary,
  tensors,
}: Pick<CheckpointParts, "folder" | "config" | "settings" | "vocabulary" | "tensors">): ProfileSigns {
  return {
    architectures,
    modelType: trunk.modelType,
    name: `${name ?? ""} ${folder.name}`,
    setting: (field) => own(settings, field),
    headTensors: headTensorsOf(tensors),
    hasTensor: (name) => tensors.has(name),
    hasTrunk: (prefix) => tensors.has(`${prefix}${trunk.embeddings.source}`),
    pieceId: (piece) => (vocabulary.kind === "sentencepiece" ? vocabulary.pieces.idOf(piece) : undefined),
  };
}

function addRopeDivisors(
  tensors: Map<string, CheckpointTensor>,
  config: CheckpointConfig,
  folder: CheckpointFolder,
): void {
  const { ropeScaling, headDim, ropeTheta } = config;
  const stored = tensors.get(ROPE_DIVISORS);
  if (stored !== undefined)
    throw refuse(stored.file, `contains the tensor ${quote(ROPE_DIVISORS)}, which no checkpoint has.`, {
      tensor: ROPE_DIVISORS,
    });
  if (ropeScaling === undefined) return;
  const values = ropeDivisors(ropeScaling, headDim, ropeTheta);
  const bytes = new Uint8Array(values.buffer);
  tensors.set(ROPE_DIVISORS, {
    name: ROPE_DIVISORS,
    dtype: "F32",
    shape: [values.length],
    position: 0,
    size: bytes.length,
    file: folder.pathOf("config.json"),
    fileName: "config.json",
    bytes,
  });
}
