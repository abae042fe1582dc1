/** A checkpoint with another folder's tokenizer: Starling-RM-34B is used with the tokenizer of Yi-34B-Chat. */
import type { ByteSource } from "../files/byte-source.ts";
import { isTemplateFile, TEMPLATE_FOLDER } from "./chat-template-file.ts";
import type { CheckpointFolder } from "./folder.ts";

/** The tokenizer's files, except templates. */
export const TOKENIZER_FILES: readonly string[] = [
  "tokenizer.model",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
];

/**
 * All of them come from one place: half of one tokenizer and half of another would give wrong ids, and a template belongs
 * to the tokenizer whose special tokens it writes.
 */
function isTokenizerFile(file: string): boolean {
  return TOKENIZER_FILES.includes(file) || isTemplateFile(file);
}

/** `folder` with the tokenizer's files of `tokenizer` in place of its own. */
export class OverlayFolder implements CheckpointFolder {
  readonly #folder: CheckpointFolder;
  readonly #tokenizer: CheckpointFolder;

  constructor(folder: CheckpointFolder, tokenizer: CheckpointFolder) {
    this.#folder = folder;
    this.#tokenizer = tokenizer;
  }

  get path(): string {
    return this.#folder.path;
  }

  get name(): string {
    return this.#folder.name;
  }

  pathOf(file: string): string {
    return this.#holderOf(file).pathOf(file);
  }

  has(file: string): Promise<boolean> {
    return this.#holderOf(file).has(file);
  }

  async list(folder?: string): Promise<readonly string[]> {
    if (folder !== undefined) return (folder === TEMPLATE_FOLDER ? this.#tokenizer : this.#folder).list(folder);
    const own = (await this.#folder.list()).filter((file) => !isTokenizerFile(file));
    return [...own, ...(await this.#tokenizer.list()).filter(isTokenizerFile)].sort();
  }

  open(file: string): Promise<ByteSource> {
    return this.#holderOf(file).open(file);
  }

  openWhole(file: string, signal?: AbortSignal): Promise<ByteSource> {
    return this.#holderOf(file).openWhole(file, signal);
  }

  #holderOf(file: string): CheckpointFolder {
    return isTokenizerFile(file) ? this.#tokenizer : this.#folder;
  }
}
