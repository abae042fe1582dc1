/** The committed goldens of the genuine reference; made by scripts/oracle, which documents the format. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TokenizationMode } from "../../src/index.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const fixtures = join(root, "test", "fixtures");
export const modes = ["fast-4.41", "fast-4.42", "slow"] as const satisfies readonly TokenizationMode[];

export interface GoldenRow {
  readonly name: string;
  /** Ids after truncation, or a digest of them where the list is long. */
  readonly ids?: readonly number[];
  readonly idsDigest?: { readonly length: number; readonly sha256: string };
  readonly truncated: boolean;
  /** Ids before truncation. */
  readonly total: number;
  readonly position?: number;
  readonly score?: number;
  /** No ids, or the first one is padding: the reference reads a padding position. */
  readonly undefined?: true;
}

export interface Golden {
  readonly name: string;
  readonly checkpoint: string;
  readonly rows: Readonly<Record<TokenizationMode, readonly GoldenRow[]>>;
  /** Standard deviation of the reference's scores. */
  readonly std: number;
}

/** Texts by name; a long one is given as parts, each with how often it is repeated. */
export const texts: ReadonlyMap<string, string> = new Map(
  readFileSync(join(fixtures, "texts.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
    .map(({ name, text, parts }) => [
      name,
      text ?? parts.map(([part, times]: [string, number]) => part.repeat(times)).join(""),
    ]),
);

export function textOf(row: GoldenRow): string {
  const text = texts.get(row.name);
  if (text === undefined) throw new Error(`there is no text named ${row.name}`);
  return text;
}

/** Long texts are tokenised everywhere, but scored in long-texts.test.ts only: elsewhere they would only cost minutes. */
const MAX_SHORT_TOKENS = 400;
export const isShort = ({ ids }: GoldenRow) => ids !== undefined && ids.length <= MAX_SHORT_TOKENS;

export function readGoldens(): Golden[] {
  return readdirSync(join(fixtures, "goldens"))
    .filter((file) => file.endsWith(".json"))
    .map((file) => {
      const name = file.replace(/\.json$/, "");
      const { header, modes: rows } = JSON.parse(readFileSync(join(fixtures, "goldens", file), "utf8"));
      const checkpoint = join(fixtures, "checkpoints", name);
      return {
        name,
        checkpoint: existsSync(checkpoint) ? checkpoint : join(root, "models", name),
        rows,
        std: header.scoring.std,
      };
    });
}

export function digest(ids: Int32Array): string {
  return createHash("sha256")
    .update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength))
    .digest("hex");
}
