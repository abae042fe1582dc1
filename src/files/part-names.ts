/** Names of the parts of a split GGUF, as llama-gguf-split and llama.cpp's loader have them: NAME-00001-of-00003.gguf. */

const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;
/** Of 4 GB each, a model of four terabytes; each is a file that stays open. */
export const MAX_PARTS = 1024;

export interface PartName {
  /** What is before the number; a path may be in front. */
  readonly prefix: string;
  /** From 1 on. */
  readonly number: number;
  readonly count: number;
}

/** undefined for a name of another kind. */
export function parsePartName(path: string): PartName | undefined {
  const [, prefix, number, count] = PART.exec(path) ?? [];
  if (prefix === undefined) return undefined;
  const name = { prefix, number: Number(number), count: Number(count) };
  return name.number >= 1 && name.number <= name.count && name.count <= MAX_PARTS ? name : undefined;
}

export function partName(prefix: string, number: number, count: number): string {
  const digits = (value: number) => String(value).padStart(5, "0");
  return `${prefix}-${digits(number)}-of-${digits(count)}.gguf`;
}

/** The names of all parts, in order. */
export function allPartNames({ prefix, count }: Pick<PartName, "prefix" | "count">): string[] {
  return Array.from({ length: count }, (_, i) => partName(prefix, i + 1, count));
}
