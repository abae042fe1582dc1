/** Values of --text, --prompt, --response and their like: the text itself, @FILE, or - for standard input. */
import { UsageError } from "./errors.ts";
import { decompressed, MAX_ROW_BYTES, openInput, wideEncodingOf } from "./library.ts";

const STANDARD_INPUT = "-";

/** Standard input can be read once. */
export class TextValues {
  readonly #note: (message: string) => void;
  #stdin: string | undefined;

  constructor(note: (message: string) => void = () => {}) {
    this.#note = note;
  }

  /** The text that a value means. @param option for messages: "--prompt" */
  async text(value: string, option: string): Promise<string> {
    if (value === STANDARD_INPUT) {
      const text = await this.file(value, option);
      // A closed standard input reads like an empty one. A program that wrote an empty text would have ended its line.
      if (text === "")
        throw new UsageError(
          `${option} -: standard input is closed or empty${option === "--response" ? '; for an empty response, write --response ""' : ""}`,
        );
      return withoutLineEnd(text);
    }
    if (value.startsWith("@@")) return value.slice(1);
    if (!value.startsWith("@")) return value;
    const path = value.slice(1);
    if (path === "")
      throw new UsageError(`${option} @ names no file: write @FILE, or @@ for a text that begins with @`);
    const text = await this.file(path, option);
    if (text === "") this.#note(`note: ${path} is empty: ${option} is an empty text`);
    return withoutLineEnd(text);
  }

  async texts(values: readonly string[], option: string): Promise<string[]> {
    const texts: string[] = [];
    for (const value of values) texts.push(await this.text(value, option));
    return texts;
  }

  /** A file's whole text; "-" is standard input. */
  async file(path: string, option: string): Promise<string> {
    if (path === STANDARD_INPUT) {
      if (this.#stdin !== undefined)
        throw new UsageError(`${this.#stdin} and ${option} both read standard input, which can be read only once`);
      this.#stdin = option;
    }
    const input = await openInput(path);
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of decompressed(input.chunks, input.name)) {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_ROW_BYTES)
          throw new UsageError(`${option}: ${input.name} is longer than ${MAX_ROW_BYTES} bytes, the limit for a text`);
      }
    } finally {
      await input.close();
    }
    return decode(Buffer.concat(chunks), input.name, option);
  }

  /** The lines of a file, each a text; blank ones are left out. */
  async lines(path: string, option: string): Promise<{ readonly lines: string[]; readonly blank: number }> {
    const text = await this.file(path, option);
    const name = path === STANDARD_INPUT ? "standard input" : path;
    if (/^\s*(?:\{\s*"|\[\s*[{"])/.test(text))
      throw new UsageError(`${option}: ${name} is JSON, not plain lines: read it with --input`);
    const all = withoutLineEnd(text).split(/\r?\n/);
    const lines = all.filter((line) => line.trim() !== "");
    if (lines.length === 0) throw new UsageError(`${option}: ${name} has no lines of text`);
    return { lines, blank: all.length - lines.length };
  }
}

/** Editors and echo end a file with a line end that nobody means. */
function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, "");
}

function decode(bytes: Uint8Array, name: string, option: string): string {
  const encoding = wideEncodingOf(bytes) ?? "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${option}: ${name} is not valid ${encoding.toUpperCase()}`);
  }
}

/** A conversation as JSON: a list of messages, or a row with one. */
export function parseMessages(text: string, option: string): { readonly messages: unknown; readonly system?: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${option} is not JSON: ${(error as Error).message}`);
  }
  if (Array.isArray(value)) return { messages: value };
  const { messages, conversations, system } = (value ?? {}) as Record<string, unknown>;
  const list = messages ?? conversations;
  if (!Array.isArray(list))
    throw new UsageError(
      `${option} is not a conversation: expected a list of {"role","content"}, or {"messages": [...]}`,
    );
  return { messages: list, ...(typeof system === "string" && system !== "" ? { system } : {}) };
}
