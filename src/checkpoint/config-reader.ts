import { type JsonObject, own } from "./json.ts";
import { hasAs, refuse } from "./refuse.ts";

/** Reads checked fields of one JSON object and names file and field in every error. */
export class ConfigReader {
  readonly file: string;
  readonly #config: JsonObject;

  constructor(config: JsonObject, file: string) {
    this.#config = config;
    this.file = file;
  }

  get(field: string): unknown {
    return own(this.#config, field);
  }

  refuse(field: string, sentence: string) {
    return refuse(this.file, sentence, { field });
  }

  /** A whole number from 1 to `max`. */
  integer(field: string, max: number, fallback?: number): number {
    const value = this.get(field) ?? fallback;
    if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > max)
      throw this.refuse(field, `${hasAs(value, field)}; expected a whole number from 1 to ${max}.`);
    return value as number;
  }

  /** A number above 0, up to `max`. */
  positive(field: string, max: number, fallback?: number): number {
    const value = this.get(field) ?? fallback;
    // The GGUF keeps a float32, in which 1e-50 would become 0.
    if (typeof value !== "number" || !(Math.fround(value) > 0) || value > max)
      throw this.refuse(field, `${hasAs(value, field)}; expected a number above 0 and up to ${max}.`);
    return value;
  }

  /** false for a field that is absent or null. */
  flag(field: string): boolean {
    const value = this.get(field) ?? false;
    if (typeof value !== "boolean") throw this.refuse(field, `${hasAs(value, field)}; expected true or false.`);
    return value;
  }

  /** undefined for a field that is absent, null or empty. */
  text(field: string, maxCharacters: number): string | undefined {
    const value = this.get(field);
    if (value === undefined || value === null || value === "") return undefined;
    if (typeof value !== "string" || value.length > maxCharacters || value.includes("\0") || !value.isWellFormed())
      throw this.refuse(field, `${hasAs(value, field)}; expected text of up to ${maxCharacters} characters.`);
    return value;
  }
}
