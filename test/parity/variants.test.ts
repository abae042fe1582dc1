/**
 * Scores on every CPU library that this machine can run, and with every kernel of our own, not on the best ones only: near the
 * reference, and the same to the last bit alone, in company, in any order, with the prompt shared or not, in any batch, with one
 * thread and two.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { convert } from "../../src/entry/convert.ts";
import { loadAddon } from "../../src/native/load-addon.ts";
import { RUNTIME_VARIABLE } from "../../src/native/runtime-folder.ts";
import { allVariants } from "../variants.ts";
import { type GoldenRow, readGoldens, texts } from "./goldens.ts";
import { tolerance } from "./tolerance.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-variants-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Row lengths of 32 and 64, of 224 and of 256 and 768, which kernels treat differently. */
const CHECKPOINTS = ["adversarial-prefix", "gqa7-bf16", "starling-rm-tiny"];
const TYPES = ["f16", "q8_0", "q4_0", "q4_k_m"] as const;
/** Some longer than the largest block of rows that a kernel takes (32), so that whole blocks and remainders occur. */
const TEXTS = { count: 5, leastTokens: 12, mostTokens: 52 };
/** Between two libraries, in standard deviations: both round activations to 8 bits, and sum in another order. */
const FOUR_BITS = 0.35;

interface Scored {
  readonly kernels: readonly { readonly type: string; readonly kernel: string }[];
  readonly reasons: readonly string[];
  readonly library?: string;
  readonly together: readonly number[];
  readonly alone: readonly number[];
}

const variants = await allVariants(join(folder, "runtimes"));
const runnable = variants.filter(({ problem }) => problem === undefined);
const others = variants.filter(({ problem }) => problem !== undefined).map(({ name }) => name);
if (others.length > 0) console.warn(`CPU libraries that this processor cannot run, not tested: ${others.join(", ")}.`);

interface Case {
  readonly golden: string;
  readonly type: (typeof TYPES)[number];
  readonly path: string;
  readonly rows: readonly GoldenRow[];
  readonly std: number;
}

const cases: Case[] = [];
for (const golden of readGoldens().filter(({ name }) => CHECKPOINTS.includes(name))) {
  const { count, leastTokens, mostTokens } = TEXTS;
  const rows = golden.rows["fast-4.41"]
    .filter(({ score, total }) => score !== undefined && total >= leastTokens && total <= mostTokens)
    .sort((a, b) => b.total - a.total);
  // The two longest, which are also scored alone, and the shortest.
  rows.splice(2, rows.length - count);
  for (const type of TYPES) {
    const path = join(folder, `${golden.name}.${type}.gguf`);
    await convert({ checkpoint: golden.checkpoint, output: path, type });
    cases.push({ golden: golden.name, type, path, rows, std: golden.std });
  }
}

async function scoreOn(kernels: "auto" | "off", variables: Record<string, string>): Promise<Scored[]> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("variant-child.mjs", import.meta.url))], {
    env: { ...process.env, ...variables, XDG_CACHE_HOME: join(folder, "cache") },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(
    JSON.stringify({
      kernels,
      cases: cases.map(({ path, rows }) => ({ path, texts: rows.map(({ name }) => texts.get(name)) })),
    }),
  );
  return JSON.parse(await text(child.stdout));
}

const first = new Map<string, readonly number[]>();

it("there is more than one library to test", () => {
  expect(cases).toHaveLength(CHECKPOINTS.length * TYPES.length);
  expect(cases.every(({ rows }) => rows.length === TEXTS.count)).toBe(true);
  // Whole blocks of 32 rows, and what is left over of them.
  expect(cases.every(({ rows }) => rows.some(({ total }) => total > 36))).toBe(true);
  expect(runnable.length).toBeGreaterThan(0);
});

function expectRight(results: readonly Scored[], libraryName: string): void {
  for (const [i, { golden, type, rows, std }] of cases.entries()) {
    const what = `${golden} at ${type}`;
    const { kernels, reasons, library, together, alone, ...others } = results[i] as Scored;
    expect(library, what).toContain(`ggml-cpu-${libraryName}`);
    expect(kernels.length, what).toBeGreaterThan(0);
    expect(together.every(Number.isFinite), what).toBe(true);
    for (const [way, scores] of Object.entries(others)) expect(scores, `${what}, ${way}`).toEqual(together);
    expect(alone, `${what}, alone`).toEqual(together.slice(0, alone.length));
    const isCoarse = type === "q4_0" || type === "q4_k_m";
    const reference = isCoarse ? (first.get(what) ?? together) : rows.map(({ score }) => score as number);
    const most = isCoarse ? FOUR_BITS * std : tolerance[type].max;
    for (const [k, score] of together.entries())
      expect(Math.abs(score - (reference[k] as number)), `${what}, ${rows[k]?.name}, ${reasons}`).toBeLessThan(most);
    if (!first.has(what)) first.set(what, together);
  }
}

it.each(runnable)("$name scores rightly, and exactly", async ({ name, folder: runtime }) => {
  expectRight(await scoreOn("off", { [RUNTIME_VARIABLE]: runtime }), name);
});

/** Each with what a processor has that has no more. */
const LEVELS = ["amx-bf16", "avx512-vnni", "avx-vnni", "avx2"];
const { gemm } = loadAddon().prefillKernels();
const usable = LEVELS.filter((name) => gemm.includes(name));
if (usable.length < LEVELS.length)
  console.warn(
    `Our own kernels that this processor cannot run, not tested: ${LEVELS.filter((name) => !gemm.includes(name)).join(", ")}.`,
  );

it.runIf(usable.length > 0).each(usable)("our own kernels for %s score rightly, and exactly", async (level) => {
  const results = await scoreOn("auto", { STARLING_RM_KERNELS: level });
  expectRight(results, "");
  const used = new Set(results.flatMap(({ kernels }) => kernels.map(({ kernel }) => kernel)));
  expect([...used]).toContain(`starling ${level}`);
  // One of the checkpoints has heads of 8 values.
  const attentive = results.filter(({ kernels }) => kernels.some(({ type }) => type === "attention"));
  expect(attentive.length).toBeGreaterThan(results.length / 2);
});
