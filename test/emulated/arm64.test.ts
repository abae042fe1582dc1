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

/** The slowest test takes 25 seconds on an idle machine. */
const TIME_LIMIT_MS = 300_000;
/** Of each checkpoint. */
const TEXTS = 12;
const MOST_TOKENS = 24;
/** Around every number of rows that a kernel takes, up to more than two of the largest. */
const LENGTHS = [1, 3, 4, 5, 8, 9, 15, 17, 24, 33, 44, 70];
const BATCHES = [1, 33];

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

interface Examined {
  readonly cpuLibrary: string;
  readonly batchMode: string;
  readonly kernelReasons: readonly string[];
  readonly lengths: readonly number[];
  readonly ways: Readonly<Record<string, readonly number[]>>;
  readonly ofPairs: Readonly<Record<string, readonly number[]>>;
}

/** Texts of digits, of which each is a token, as the space and the <s> before them are; half begin like others. */
function digitTexts(lengths: readonly number[]): { texts: string[]; pairs: { prompt: string; response: string }[] } {
  const random = randomOf(14);
  const digits = (count: number) => Array.from({ length: count }, () => random(10)).join("");
  const common = digits(70);
  const texts = lengths.map((length) => {
    const shared = random(2) * random(length);
    return common.slice(0, shared) + digits(length - shared);
  });
  const prompts = [digits(9), digits(22)];
  const pairs = Array.from({ length: 8 }, (_, i) => ({
    prompt: prompts[i % 2] as string,
    response: digits(1 + random(19)),
  }));
  return { texts, pairs };
}

async function examine(
  processor: string,
  models: readonly string[],
  lengths: readonly number[],
  batches: readonly number[],
) {
  const setup = { library, models, ...digitTexts(lengths), batches };
  const { code, stdout, stderr } = await machine.node(processor, [child("exact-child.mjs")], JSON.stringify(setup));
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

/** The same bits in every way, or not called exact. */
function expectExact(found: Examined, what: string): void {
  const { batchMode, kernelReasons, ways, ofPairs, lengths } = found;
  expect(new Set(ways["together"]).size, what).toBeGreaterThan(lengths.length / 2);
  if (batchMode !== "exact") {
    expect(kernelReasons, what).not.toEqual([]);
    return;
  }
  for (const all of [ways, ofPairs])
    for (const [way, scores] of Object.entries(all)) expect(scores, `${what}, ${way}`).toEqual(all["together"]);
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

  it.each(["f32", "f16", "bf16", "q8_0", "q4_0", "q4_k_m"])(
    "scores exactly at %s with float16 arithmetic",
    async (type) => {
      const lengths = type === "q4_k_m" ? LENGTHS.filter((_, i) => i % 2 === 1) : LENGTHS;
      const [found] = await examine(SERVER, paths(type), lengths, BATCHES);
      expect(found?.cpuLibrary).toMatch(/armv8\.2_2\.so$/);
      expect(found?.batchMode).toBe("exact");
      expect(Math.max(...(found?.lengths ?? []))).toBeGreaterThan(65);
      expectExact(found as Examined, type);
    },
  );

  it("scores exactly without float16 arithmetic", async () => {
    const types = ["f16", "q4_0"];
    for (const [i, found] of (await examine(SMALL, paths(...types), [1, 4, 5, 9, 33], [1])).entries()) {
      expect(found.cpuLibrary).toMatch(/armv8\.0_1\.so$/);
      expect(found.batchMode).toBe("exact");
      expectExact(found, types[i] as string);
    }
  });

  it("scores exactly with matrix products and long vectors, also where a kernel takes rows in pairs", async () => {
    const types = ["f16", "q8_0", "q4_0", "q4_1"];
    for (const [i, found] of (await examine(NEWEST, paths(...types), [1, 4, 5, 12, 44], [1])).entries()) {
      expect(found.cpuLibrary).toMatch(/armv9\.2_2\.so$/);
      expect(found.batchMode).toBe("exact");
      expectExact(found, types[i] as string);
    }
  });

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
