/** An adapter's folder and its base's, as one checkpoint. */
import type { ByteSource } from "../files/byte-source.ts";
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, type AdapterConfig } from "./adapter-config.ts";
import type { CheckpointFolder } from "./folder.ts";
import { OverlayFolder } from "./overlay-folder.ts";
import { refuse } from "./refuse.ts";

/** Where an adapter's own files are. */
export interface AdapterFiles {
  readonly config: AdapterConfig;
  /** The name of the file of its tensors. */
  readonly weights: string;
}

export class AdaptedFolder implements CheckpointFolder {
  readonly adapter: AdapterFiles;
  readonly name: string;
  readonly #adapter: CheckpointFolder;
  /** The base, with the adapter's tokenizer if it has one. */
  readonly #base: CheckpointFolder;

  private constructor(adapter: CheckpointFolder, base: CheckpointFolder, files: AdapterFiles, name: string) {
    this.#adapter = adapter;
    this.#base = base;
    this.adapter = files;
    this.name = name;
  }

  /**
   * @param tokenizer a folder to take the tokenizer's files from; default: the adapter, or else the base
   * @param name the model's name
   * @throws FileError ERR_INVALID_CHECKPOINT for a folder without an adapter's tensors
   */
  static async open(
    adapter: CheckpointFolder,
    base: CheckpointFolder,
    parts: { readonly config: AdapterConfig; readonly tokenizer: CheckpointFolder | undefined; readonly name: string },
  ): Promise<AdaptedFolder> {
    const { config, name } = parts;
    const weights = await adapterWeights(adapter);
    const own = await adapter.list();
    const hasTokenizer = own.some((file) => file === "tokenizer.json" || file === "tokenizer.model");
    const tokenizer = parts.tokenizer ?? (hasTokenizer ? adapter : undefined);
    const below = tokenizer === undefined ? base : new OverlayFolder(base, tokenizer);
    return new AdaptedFolder(adapter, below, { config, weights }, name);
  }

  get path(): string {
    return this.#adapter.path;
  }

  pathOf(file: string): string {
    return this.#holderOf(file).pathOf(file);
  }

  has(file: string): Promise<boolean> {
    return this.#holderOf(file).has(file);
  }

  list(folder?: string): Promise<readonly string[]> {
    return this.#base.list(folder);
  }

  open(file: string): Promise<ByteSource> {
    return this.#holderOf(file).open(file);
  }

  openWhole(file: string, signal?: AbortSignal): Promise<ByteSource> {
    return this.#holderOf(file).openWhole(file, signal);
  }

  #holderOf(file: string): CheckpointFolder {
    return isAdapterFile(file) ? this.#adapter : this.#base;
  }
}

function isAdapterFile(file: string): boolean {
  return file === ADAPTER_CONFIG || (ADAPTER_WEIGHTS as readonly string[]).includes(file);
}

/** The file of the adapter's tensors. */
export async function adapterWeights(folder: CheckpointFolder): Promise<string> {
  for (const name of ADAPTER_WEIGHTS) if (await folder.has(name)) return name;
  throw refuse(
    folder.pathOf(ADAPTER_CONFIG),
    `describes an adapter, but neither ${ADAPTER_WEIGHTS.join(" nor ")} is beside it. Remove it if the weights there are merged ` +
      "already.",
  );
}
