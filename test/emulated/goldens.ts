/** The reference's goldens on another platform, within the limits of test/parity. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expectNear, expectOrder } from "../parity/compare.ts";
import { type Golden, type GoldenRow, isShort, readGoldens, textOf } from "../parity/goldens.ts";

export const GOLDEN_TYPES = ["f32", "f16", "q8_0", "q4_k_m"] as const;

export interface GoldenCase {
  readonly golden: Golden;
  readonly type: (typeof GOLDEN_TYPES)[number];
  readonly rows: readonly GoldenRow[];
}

/** Their row lengths and heads differ; the others are scored at float32 only. */
const AT_ALL_TYPES = ["adversarial-prefix", "gqa7-bf16", "starling-rm-tiny"];

/** @param most texts of a checkpoint, evenly out of them all: emulated processors are slow */
export function goldenCases(most: number): GoldenCase[] {
  return readGoldens()
    .filter(({ checkpoint }) => existsSync(join(checkpoint, "tokenizer.model")))
    .flatMap((golden) => {
      const all = golden.rows["fast-4.41"].filter((row) => row.score !== undefined && isShort(row));
      const step = Math.max(1, all.length / most);
      const rows = all.filter((_, i) => i === 0 || Math.floor(i / step) !== Math.floor((i - 1) / step));
      const types = AT_ALL_TYPES.includes(golden.name) ? GOLDEN_TYPES : (["f32"] as const);
      return types.map((type) => ({ golden, type, rows }));
    });
}

/** For goldens-child.mjs. @param pathOf a path of this machine as the other platform sees it */
export function goldenSetup(cases: readonly GoldenCase[], pathOf: (path: string) => string = (path) => path) {
  return cases.map(({ golden, type, rows }) => ({
    checkpoint: pathOf(golden.checkpoint),
    name: golden.name,
    type,
    texts: rows.map(textOf),
  }));
}

/** Expects each case's scores near the reference's. */
export function expectGoldens(cases: readonly GoldenCase[], results: readonly (readonly number[])[]): void {
  for (const [i, { golden, type, rows }] of cases.entries()) {
    const scores = results[i] ?? [];
    if (type === "q4_k_m") expectOrder(rows, scores, golden, rows.length);
    else expectNear(rows, scores, type, `${golden.name} at ${type}`);
  }
}
