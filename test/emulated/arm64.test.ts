/** The package on Linux on arm64: the reference's scores, the same bits in any company, the planner, the command line. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ARM64_VERSION, hostModules } from "../../scripts/fetch-hosts.mjs";
import { convert } from "../../src/entry/convert.ts";
import { embeddedModelPath, loadTokenizer } from "../../src/index.ts";
import { loadAddon } from "../../src/native/load-addon.ts";
import { makeCheckpoint } from "../made-checkpoint.ts";
import type { GoldenRow } from "../parity/goldens.ts";
import { randomOf } from "../random.ts";
import { type Amount, type Examined, exactSetup, expectExact, summaryOf } from "./exact.ts";
import { expectGoldens, type GoldenCase, goldenCases, goldenSetup } from "./goldens.ts";
import { ADDON, copyPackage, repository } from "./package-copy.ts";
import { Arm64, missingForArm64 } from "./qemu.ts";

const host = `linux-arm64-${ARM64_VERSION}`;
const missing = missingForArm64(host);
if (missing !== undefined) console.warn(`Not run on arm64: ${missing}.`);

/** Like every current server and every Mac: float16 arithmetic and dot products. */
const SERVER = "neoverse-n1";
/** Neither of them, as in a Raspberry Pi 4. */
const SMALL = "cortex-a72";
/** Matrix products and vectors of any length; short ones, because qemu is slow with them. */
const NEWEST = "max,sve-max-vq=1,pauth-impdef=on";
/** The longest vectors, and slow pointer authentication. */
const LONGEST_VECTORS = "max";

/** Of everything that is promised, not only a sample: hours. */
const LONG = process.env["STARLING_RM_EMULATED"] === "long";

/** The slowest test takes 25 seconds on an idle machine. */
const TIME_LIMIT_MS = 300_000;
/** Of each checkpoint. */
const TEXTS = 12;
const MOST_TOKENS = 24;
/** Around every number of rows that a kernel takes, up to more than two of the largest. */
const LENGTHS = [1, 3, 4, 5, 8, 9, 15, 17, 24, 33, 44, 70];
const EXACT_TYPES = ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_k_m"];
const BATCHES = [1, 33];
const PAIRS = 8;

/** In the long mode: each length of 1 to 70 tokens two or three times. */
const ALL_LENGTHS = Array.from({ length: 200 }, (_, i) => 1 + ((11 * i) % 70));
/** A multiple of four makes 4, 16 and 64 of them. */
const ALL = { lengths: ALL_LENGTHS, pairs: 24, batches: [1, 13, 61] };
/** Every other micro-batch up to 64 that a multiple of four leaves. */
const MORE_BATCHES = [5, 9, 17, 21, 25, 29, 33, 37, 41, 45, 49, 53, 57];
/** Where qemu or the model is slow: a text of one token, one of 70, and 22 between. */
const SOME = { lengths: ALL_LENGTHS.slice(0, 24), pairs: PAIRS, batches: BATCHES };
/** Two minutes to ten on an idle machine. */
const LONG_LIMIT_MS = 10_800_000;

const folder = mkdtempSync(join(tmpdir(), "starling-rm-arm64-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const installed = join(folder, "package");
const library = join(installed, "dist", "src");
const file = (name: string) => join(folder, name);

let machine: Arm64;
beforeAll(() => {
  if (missing !== undefined) return;
  copyPackage(installed, {
    addon: ADDON("linux-arm64"),
    modules: hostModules(host),
    runtime: "@node-llama-cpp/linux-arm64",
  });
  machine = new Arm64(host, file("cache"));
});

const child = (name: string) => join(repository, "test", "emulated", name);
const cli = (args: readonly string[], input?: string) =>
  machine.node(SERVER, [join(installed, "dist", "cli", "main.js"), ...args], input);

async function succeeds(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await cli(args, input);
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

async function examine(processor: string, models: readonly string[], amount: Amount, timeout?: number) {
  const setup = JSON.stringify({ library, models, ...exactSetup(amount) });
  const { code, stdout, stderr } = await machine.node(processor, [child("exact-child.mjs")], setup, timeout);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as Examined[];
}

/**
 * Of each checkpoint short texts, and of the narrow ones a long one, too: enough of them that their median is near that of all.
 * Four bits are held to the order of pairs that the reference tells apart clearly: three of its best, three of its worst.
 */
function emulatedCases(): GoldenCase[] {
  return goldenCases(Number.POSITIVE_INFINITY).map((found) => {
    const short = found.rows.filter(({ total }) => total <= MOST_TOKENS);
    const byScore = short.toSorted((a, b) => (a.score as number) - (b.score as number));
    if (found.type === "q4_k_m") return { ...found, rows: [...byScore.slice(0, 3), ...byScore.slice(-3)] };
    const long =
      found.golden.name === "starling-rm-tiny" ? [] : found.rows.filter(({ total }) => total > 150).slice(0, 1);
    const step = short.length / TEXTS;
    return {
      ...found,
      rows: [...Array.from({ length: TEXTS }, (_, i) => short[Math.floor(i * step)] as GoldenRow), ...long],
    };
  });
}

describe.skipIf(missing !== undefined)(`Linux on arm64, Node ${ARM64_VERSION}`, { timeout: TIME_LIMIT_MS }, () => {
  const models: Record<string, string> = {};
  beforeAll(async () => {
    const narrow = makeCheckpoint(file("narrow"), {
      hidden: 64,
      feedForward: 96,
      layers: 2,
      heads: 4,
      keyValueHeads: 2,
    });
    // Rows as long as a block of q4_k_m.
    const wide = makeCheckpoint(file("wide"), { hidden: 256, feedForward: 256, layers: 2, heads: 4, keyValueHeads: 1 });
    for (const type of ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q4_k_m"]) {
      const output = file(`${type}.gguf`);
      await convert({ checkpoint: type === "q4_k_m" ? wide : narrow, output, type });
      models[type] = output;
    }
    for (const type of LONG ? ["f16", "q4_k_m"] : []) {
      const [output, checkpoint] = [file(`tiny-${type}.gguf`), join(repository, "models", "starling-rm-tiny")];
      await convert({ checkpoint, output, type });
      models[`${type}, the embedded model`] = output;
    }
  });
  const paths = (...types: readonly string[]) => types.map((type) => models[type] as string);

  it("has the reference's scores, within the limits of x64", async () => {
    const cases = emulatedCases();
    // Converted here, in a tenth of the time; that the bytes are the same there is tested below.
    for (const { golden, type } of cases)
      await convert({ checkpoint: golden.checkpoint, output: file(`${golden.name}.${type}.gguf`), type });
    const [setup, output] = [file("setup.json"), file("scores.json")];
    writeFileSync(setup, JSON.stringify({ library, folder, cases: goldenSetup(cases) }));
    const ended = await machine.node(SERVER, [child("goldens-child.mjs"), setup, output]);
    expect(ended).toEqual({ code: 0, stdout: "", stderr: "" });
    expectGoldens(cases, JSON.parse(readFileSync(output, "utf8")));
  });

  it.each(EXACT_TYPES)("scores exactly at %s with float16 arithmetic", async (type) => {
    const lengths = type === "q4_k_m" ? LENGTHS.filter((_, i) => i % 2 === 1) : LENGTHS;
    const amount = { lengths, pairs: PAIRS, batches: BATCHES };
    const [found] = await examine(SERVER, paths(type), amount);
    expect(found?.cpuLibrary).toMatch(/armv8\.2_2\.so$/);
    expect(found?.batchMode).toBe("exact");
    expectExact(found as Examined, amount, type);
  });

  it("scores exactly without float16 arithmetic", async () => {
    const types = ["f16", "q4_0"];
    const amount = { lengths: [1, 4, 5, 9, 33], pairs: PAIRS, batches: [1] };
    for (const [i, found] of (await examine(SMALL, paths(...types), amount)).entries()) {
      expect(found.cpuLibrary).toMatch(/armv8\.0_1\.so$/);
      expect(found.batchMode).toBe("exact");
      expectExact(found, amount, types[i] as string);
    }
  });

  it("scores exactly with matrix products and long vectors, also where a kernel takes rows in pairs", async () => {
    const types = ["f16", "q8_0", "q4_0", "q4_1"];
    const amount = { lengths: [1, 4, 5, 12, 44], pairs: PAIRS, batches: [1] };
    for (const [i, found] of (await examine(NEWEST, paths(...types), amount)).entries()) {
      expect(found.cpuLibrary).toMatch(/armv9\.2_2\.so$/);
      expect(found.batchMode).toBe("exact");
      expectExact(found, amount, types[i] as string);
    }
  });

  if (LONG)
    describe("in every way", { timeout: LONG_LIMIT_MS }, () => {
      const embedded = ["f16, the embedded model", "q4_k_m, the embedded model"];
      const runs = (processor: string, types: readonly string[], amount: Amount) =>
        types.map((type) => [processor, type, amount] as const);
      it.each([
        ...[SERVER, NEWEST].flatMap((processor) => runs(processor, EXACT_TYPES, ALL)),
        ...[SERVER, NEWEST].flatMap((processor) => runs(processor, embedded, SOME)),
        ...runs(LONGEST_VECTORS, EXACT_TYPES, SOME),
      ])("scores exactly or says that it does not, on %s at %s", holds);
      const more = { ...ALL, batches: MORE_BATCHES, onlyBatches: true };
      it.each([SERVER, NEWEST].flatMap((processor) => runs(processor, EXACT_TYPES, more)))(
        "also in other micro-batches, on %s at %s",
        holds,
      );
    });

  async function holds(processor: string, type: string, amount: Amount) {
    const start = performance.now();
    const [found] = (await examine(processor, paths(type), amount, LONG_LIMIT_MS)) as [Examined];
    const seconds = Math.round((performance.now() - start) / 1000);
    console.log(`${processor}; ${type}; ${summaryOf(found)}; ${seconds} s`);
    expectExact(found, amount, type);
  }

  it("plans as on this machine", async () => {
    const random = randomOf(5);
    const limits = { tokens: 512, minShared: 8, maxPassedOver: 256, share: true };
    const cases = [
      { ...limits, sequences: 1, multiple: 4 },
      { ...limits, sequences: 1, multiple: 8 },
      { ...limits, sequences: 32, multiple: 1 },
    ].map((ofCase) => ({
      limits: ofCase,
      sequences: Array.from({ length: 40 }, () =>
        Array.from({ length: 1 + random(60) }, (_, i) => (i < 12 ? i : random(3))),
      ),
    }));
    const addon = loadAddon();
    const expected = cases.map(({ sequences, limits: ofCase }) =>
      addon.planPrefixes(
        sequences.map((ids) => Int32Array.from(ids)),
        ofCase,
      ),
    );
    const setup = JSON.stringify({ library, cases });
    const { code, stdout, stderr } = await machine.node(SMALL, [child("planner-child.mjs")], setup);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(expected)));
  });

  it("runs the command line", async () => {
    const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
    expect(await succeeds(["--version"])).toContain(version);
    const output = file("cli.gguf");
    expect(await cli(["convert", file("narrow"), "--output", output, "--type", "q8_0"])).toMatchObject({ code: 0 });
    // The same bytes as here.
    expect(readFileSync(output).equals(readFileSync(models["q8_0"] as string))).toBe(true);
    expect(JSON.parse(await succeeds(["inspect", output, "--json"]))).toMatchObject({ fileType: "q8_0" });
    const rows = ["An apple.", "A stone."].map((response) => ({ prompt: "Name a fruit.", response }));
    const input = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    const scored = await succeeds(["score", "--model", output, "--threads", "1", "--input", "-"], input);
    expect(scored.trimEnd().split("\n")).toHaveLength(rows.length);
    const responses = ["--response", "An apple.", "--response", "A stone."];
    expect(await succeeds(["rank", "--model", output, "--prompt", "Name a fruit.", ...responses])).toContain(
      "An apple.",
    );
    const tokenizer = await loadTokenizer({ modelPath: await embeddedModelPath({ cacheFolder: folder }) });
    const [tokens] = await tokenizer.tokenize([{ text: "Grüße, 名前" }]);
    expect(JSON.parse(await succeeds(["tokenize", "--model", "tiny", "--text", "Grüße, 名前"]))).toEqual([
      ...(tokens?.ids ?? []),
    ]);
  });

  it("is ready to score, says the doctor, and what its library sees", async (context) => {
    if (!machine.hasChildren)
      context.skip("programs for arm64 cannot start others here: unshare or binfmt_misc is refused");
    const found = JSON.parse(await succeeds(["doctor", "--json", "--model", models["f16"] as string]));
    expect(found).toMatchObject({ ready: true, machine: { arch: "arm64" }, model: { kernels: { reasons: [] } } });
    // Of this machine's processor; qemu's is another one.
    expect(found.machine.features).toBeUndefined();
    expect(found.runtimes[0].cpuFeatures).toEqual(expect.arrayContaining(["NEON", "FP16_VA", "DOTPROD"]));
  });
});
