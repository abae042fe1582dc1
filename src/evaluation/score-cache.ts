/**
 * Scores of earlier runs: one file per model and set of settings that affect scores, one line per item. A line is appended as
 * soon as a score is known, so a killed run loses no finished work.
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../files/make-folder.ts";
import type { ScoringSettings } from "./scoring-settings.ts";

export interface CachedScore {
  readonly score: number;
  readonly tokenCount: number;
  readonly truncated: boolean;
}

/** Everything a score depends on except the item. */
export interface ScoreSettings extends ScoringSettings {
  /** SHA-256 of the model's file, in hex. */
  readonly model: string;
  /** SHA-256 of the head file that replaces the model's own head. */
  readonly head?: string;
  readonly batchTokens?: number;
}

/** Length of an itemHash. */
const KEY_CHARACTERS = 64;
const NEWLINE = 0x0a;

export class ScoreCache {
  readonly #scores = new Map<string, CachedScore>();
  #descriptor: number | undefined;
  /** Why scores are not saved; undefined while they are. */
  problem: string | undefined;

  readonly #onProblem: (problem: string) => void;

  private constructor(onProblem: (problem: string) => void) {
    this.#onProblem = onProblem;
  }

  /**
   * @param folder undefined: keep scores in memory only
   * @param onProblem called once if scores can no longer be saved: a run of hours can then be restarted elsewhere
   */
  static open(
    folder: string | undefined,
    settings: ScoreSettings,
    onProblem: (problem: string) => void = () => {},
  ): ScoreCache {
    const cache = new ScoreCache(onProblem);
    if (folder !== undefined) cache.#attach(folder, settings);
    return cache;
  }

  get(key: string): CachedScore | undefined {
    return this.#scores.get(key);
  }

  add(key: string, { score, tokenCount, truncated }: CachedScore): void {
    this.#scores.set(key, { score, tokenCount, truncated });
    if (this.#descriptor === undefined) return;
    try {
      writeSync(this.#descriptor, `${JSON.stringify({ key, score, tokenCount, truncated })}\n`);
    } catch (error) {
      // This run still has the score; only a later run must compute it again.
      this.#stopSaving(error);
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #attach(folder: string, settings: ScoreSettings): void {
    const header = JSON.stringify({ starlingScores: 1, ...settings });
    const name = `${settings.model.slice(0, 16)}-${createHash("sha256").update(header).digest("hex").slice(0, 16)}.jsonl`;
    try {
      makeFolder(folder);
      const path = join(folder, name);
      const before = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
      this.#read(before);
      this.#descriptor = openSync(path, "a");
      // A line cut off by a kill gets its own newline and is ignored.
      const start = before.length === 0 ? `${header}\n` : before.at(-1) === NEWLINE ? "" : "\n";
      if (start !== "") writeSync(this.#descriptor, start);
    } catch (error) {
      this.#stopSaving(error);
    }
  }

  #read(bytes: Buffer): void {
    let from = 0;
    for (let to = bytes.indexOf(NEWLINE); to >= 0; from = to + 1, to = bytes.indexOf(NEWLINE, from)) {
      const record = parse(bytes.toString("utf8", from, to));
      if (record) this.#scores.set(record.key, record);
    }
  }

  #stopSaving(error: unknown): void {
    this.problem = error instanceof Error ? error.message : String(error);
    try {
      this.close();
    } catch {
      this.#descriptor = undefined;
    }
    this.#onProblem(this.problem);
  }
}

function parse(line: string): (CachedScore & { readonly key: string }) | undefined {
  try {
    const { key, score, tokenCount, truncated } = JSON.parse(line) as Record<string, unknown>;
    // Skips the header and incomplete lines.
    const sound =
      typeof key === "string" &&
      key.length === KEY_CHARACTERS &&
      Number.isFinite(score) &&
      Number.isInteger(tokenCount) &&
      typeof truncated === "boolean";
    return sound ? ({ key, score, tokenCount, truncated } as CachedScore & { key: string }) : undefined;
  } catch {
    return undefined;
  }
}
