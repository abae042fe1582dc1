/** The package on Linux with musl, as Alpine has it: a musl Node beside this system's glibc. No emulator is needed. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasHost, hostPath, MUSL_HOST } from "../../scripts/fetch-hosts.mjs";
import { convert } from "../../src/entry/convert.ts";
import { modes, readGoldens, textOf } from "../parity/goldens.ts";
import { ADDON, copyPackage, repository } from "./package-copy.ts";

const TARGET = "linux-x64-musl";
const LOADER = "/lib/ld-musl-x86_64.so.1";

function whatIsMissing(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return "this is not Linux on x64";
  if (!existsSync(LOADER)) return `musl's loader is not here: apt-get install musl brings ${LOADER}`;
  if (!hasHost(MUSL_HOST)) return `Node for musl is not here: npm run hosts -- ${MUSL_HOST} fetches it`;
  if (!existsSync(ADDON(TARGET))) return `the addon for musl is not built: npm run prebuilds -- ${TARGET} builds it`;
  return undefined;
}

const missing = whatIsMissing();
if (missing !== undefined) console.warn(`Not run on musl: ${missing}.`);

const folder = mkdtempSync(join(tmpdir(), "starling-rm-musl-"));
const installed = join(folder, "starling-rm");
const checkpoint = join(repository, "models", "starling-rm-tiny");
const prebuilt = (target: string) => join(installed, "prebuilds", target, "starling_rm.node");
const ownBuild = join(installed, "build", "Release", "starling_rm.node");

beforeAll(() => {
  if (missing !== undefined) return;
  // As npm installs it: llama.cpp's libraries for glibc are there.
  const modules = join(repository, "node_modules");
  copyPackage(installed, { addon: ADDON(TARGET), modules, runtime: "@node-llama-cpp/linux-x64" });
  mkdirSync(dirname(prebuilt(TARGET)), { recursive: true });
  renameSync(ownBuild, prebuilt(TARGET));
  // Somebody else's: a name and a few bytes are enough, because it must not be opened.
  mkdirSync(dirname(prebuilt("linux-x64")), { recursive: true });
  writeFileSync(prebuilt("linux-x64"), "");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { status, signal, stdout, stderr } = spawnSync(hostPath(MUSL_HOST), args, {
    encoding: "utf8",
    env: { ...process.env, STARLING_RM_CACHE: join(folder, "cache"), ...env },
    timeout: 60_000,
  });
  return { status, signal, stdout, stderr };
}

const cli = (...args: string[]) => run([join(installed, "dist", "cli", "main.js"), ...args]);
const NO_RUNTIME =
  "There is no prebuilt llama.cpp runtime with the backend cpu for linux on x64 with musl: set STARLING_RM_RUNTIME to a " +
  "folder with shared libraries of llama.cpp 0.4.0, such as one made in a checkout of this project by `npm run build:runtime`.";

describe.skipIf(missing !== undefined)("musl", () => {
  it("is what this Node runs on", () => {
    const version = run(["-p", "process.report.getReport().header.glibcVersionRuntime === undefined"]);
    expect(version).toEqual({ status: 0, signal: null, stdout: "true\n", stderr: "" });
  });

  it("takes the addon for musl, and says that only the runtime is missing", () => {
    const { status, stdout } = cli("doctor", "--json");
    const { addon, machine, ready, problems, runtimes } = JSON.parse(stdout);
    expect({ status, ready, libc: machine.libc, runtimes }).toEqual({
      status: 1,
      ready: false,
      libc: "musl",
      runtimes: [],
    });
    expect(addon).toEqual({ path: prebuilt(TARGET), loads: true });
    expect(problems).toHaveLength(1);
    expect(problems[0].what).toContain("need glibc, but this system uses musl");
    expect(problems[0].what).toContain("npm run build:runtime");
  });

  it("passes by a build for glibc in build/Release", () => {
    const glibc = join(repository, "build", "Release", "starling_rm.node");
    cpSync(existsSync(glibc) ? glibc : ADDON("linux-x64"), ownBuild);
    try {
      expect(JSON.parse(cli("doctor", "--json").stdout).addon).toMatchObject({ path: prebuilt(TARGET), loads: true });
    } finally {
      rmSync(ownBuild);
    }
  });

  it("prints the version", () => {
    const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
    expect(cli("--version")).toMatchObject({ status: 0, stdout: expect.stringContaining(version), stderr: "" });
  });

  it("tokenises every text as the reference does, in every mode", () => {
    const goldens = readGoldens().filter((golden) => existsSync(join(golden.checkpoint, "tokenizer.model")));
    const cases = goldens.flatMap((golden) =>
      modes.map((tokenization) => ({
        golden,
        tokenization,
        rows: golden.rows[tokenization].filter(({ ids, undefined: none }) => ids !== undefined && none !== true),
      })),
    );
    expect(cases.length).toBeGreaterThanOrEqual(9);
    const [setup, output] = [join(folder, "setup.json"), join(folder, "ids.json")];
    const setups = cases.map(({ golden, tokenization, rows }) => ({
      checkpoint: golden.checkpoint,
      name: golden.name,
      tokenization,
      texts: rows.map(textOf),
    }));
    writeFileSync(setup, JSON.stringify({ library: join(installed, "dist", "src"), folder, cases: setups }));
    const child = join(repository, "test", "emulated", "tokens-child.mjs");
    expect(run([child, setup, output])).toEqual({ status: 0, signal: null, stdout: "", stderr: "" });
    const results: number[][][] = JSON.parse(readFileSync(output, "utf8"));
    for (const [i, { golden, tokenization, rows }] of cases.entries())
      for (const [j, row] of rows.entries())
        expect(results[i]?.[j], `${golden.name}, ${tokenization}, ${row.name}`).toEqual(row.ids);
  });

  it("converts to the same bytes, and inspects them", async () => {
    const [here, there] = [join(folder, "here.gguf"), join(folder, "there.gguf")];
    await convert({ checkpoint, output: here, type: "f16" });
    expect(cli("convert", checkpoint, "-o", there, "--type", "f16")).toMatchObject({ status: 0 });
    expect(readFileSync(there).equals(readFileSync(here))).toBe(true);
    expect(cli("inspect", there, "--json")).toMatchObject({ status: 0, stdout: expect.stringContaining("starling") });
  });

  it("says in one sentence why nothing can be scored", () => {
    const { status, stdout, stderr } = cli("score", "--model", "tiny", "-p", "Name a fruit.", "-r", "An apple.");
    expect({ status, stdout, stderr }).toEqual({ status: 2, stdout: "", stderr: `starling-rm: ${NO_RUNTIME}\n` });
  });
});
