/**
 * GPU packages that were not installed to their end, beside a whole one for the CPU: `--gpu auto` takes the CPU and says why,
 * a backend that is asked for by name is an error with the command that installs it again.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { findRuntime, LLAMA_VERSION, RUNTIME_PACKAGE_VERSION } from "../../src/native/runtime-folder.ts";
import { type Ended, ended, folder, repository } from "./run-cli.ts";

const root = join(folder, "installed");
const modules = join(root, "node_modules");
const cuda = join(modules, "@node-llama-cpp", "linux-x64-cuda");
const libraries = join(cuda, "bins", "linux-x64-cuda");
const genuine = process.env["STARLING_RM_RUNTIME"] === undefined ? findRuntime("cpu").folder : "";
/** As the driver's own library, which shows that there is a GPU. */
const driver = join(folder, "driver");

/** This package as it lies in somebody's node_modules, with a CUDA package of which there is no more than its folder. */
function install(): void {
  rmSync(root, { recursive: true, force: true });
  for (const path of [root, modules, join(modules, "@node-llama-cpp"), cuda, driver])
    mkdirSync(path, { recursive: true });
  writeFileSync(join(driver, "libcuda.so.1"), "");
  cpSync(join(repository, "dist"), join(root, "dist"), { recursive: true });
  for (const name of ["package.json", "native", "models", "build"])
    symlinkSync(join(repository, name), join(root, name));
  for (const name of readdirSync(join(repository, "node_modules")))
    if (!name.startsWith(".") && name !== "@node-llama-cpp" && name !== "node-llama-cpp")
      symlinkSync(join(repository, "node_modules", name), join(modules, name));
  symlinkSync(dirname(dirname(genuine)), join(modules, "@node-llama-cpp", "linux-x64"));
}

function put(path: string, content: string | Uint8Array = ""): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

const describePackage = () =>
  put(
    join(cuda, "package.json"),
    JSON.stringify({ name: "@node-llama-cpp/linux-x64-cuda", version: RUNTIME_PACKAGE_VERSION }),
  );
const library = (name: string) => readFileSync(join(genuine, name));

const own = "libggml-cuda.so";
const llama = `libllama.v${LLAMA_VERSION}.so`;
const all = ["libggml-base.so", `libggml.v${LLAMA_VERSION}.so`, llama];

/** A package of whole libraries, and of others. */
function putLibraries(whole: readonly string[], others: Readonly<Record<string, string | Uint8Array>> = {}): void {
  describePackage();
  for (const name of whole) put(join(libraries, name), library(name));
  for (const [name, content] of Object.entries(others)) put(join(libraries, name), content);
}

/** An ELF of another machine: AArch64 in place of x86-64. */
const foreign = () => {
  const bytes = library("libggml-base.so");
  bytes.writeUInt16LE(0xb7, 18);
  return bytes;
};

function run(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [join(root, "dist", "cli", "main.js"), ...args], {
    env: { ...process.env, STARLING_RM_CACHE: join(folder, "cache"), LD_LIBRARY_PATH: driver, ...environment },
  });
  child.stdin.end();
  return ended(child);
}

const score = ["score", "--model", "tiny", "--threads", "1", "-p", "Hi", "-r", "Yes"];
const here = process.platform === "linux" && process.arch === "x64" && genuine !== "";

describe.runIf(here)("a CUDA package (Linux on x64, with the packages in node_modules)", () => {
  beforeEach(install);

  it.each<[string, () => void, RegExp]>([
    ["with an empty package.json", () => put(join(cuda, "package.json")), /its package\.json is damaged/],
    [
      "with half a package.json",
      () => put(join(cuda, "package.json"), '{"name":"@node-lla'),
      /its package\.json is damaged/,
    ],
    ["without its libraries", describePackage, /runtime folder .*linux-x64-cuda cannot be read/],
    ["with an empty folder of libraries", () => putLibraries([], { "README.md": "" }), /has no library ggml-base/],
    ["with some of its libraries", () => putLibraries(all.slice(0, 2)), /has no library llama/],
    ["without the library that is CUDA's own", () => putLibraries(all), /has no library of the backend cuda/],
    ["with a library of no bytes", () => putLibraries(all, { [own]: "" }), /libggml-cuda\.so is not a shared library/],
    [
      "with a library that was cut off",
      () => putLibraries(all, { [own]: library("libggml-base.so").subarray(0, 50_000) }),
      /libggml-cuda\.so is truncated: it has 50000 bytes/,
    ],
    [
      "with a core library that was cut off",
      () => putLibraries(all, { [own]: library("libggml-base.so"), [llama]: library(llama).subarray(0, 30) }),
      /libllama\.v[\d.]+\.so is truncated: it has 30 bytes of at least 64/,
    ],
    [
      "with a library for another processor",
      () => putLibraries(all, { [own]: foreign() }),
      /libggml-cuda\.so was built for Linux on arm64, but this is Linux on x64/,
    ],
  ])("%s is a reason in the list", async (_name, damage, reason) => {
    damage();
    // Without a try in a child process, what a look at the files shows must do.
    const [scored, doctor, asked] = await Promise.all([
      run(score, { STARLING_RM_PROBE: "off" }),
      run(["doctor", "--json"]),
      run([...score, "--gpu", "cuda"]),
    ]);
    expect([scored.code, scored.stderr]).toEqual([0, expect.not.stringMatching(/cuda/)]);
    expect(JSON.parse(scored.stdout)).toHaveProperty("score");
    expect(doctor.code).toBe(0);
    const { choice, reasons, runtimes } = JSON.parse(doctor.stdout);
    expect(choice).toBe("cpu");
    expect(reasons[0]).toEqual({ backend: "cuda", reason: expect.stringMatching(reason) });
    expect(runtimes[0]).toMatchObject({ backend: "cuda", state: "broken", problem: expect.stringMatching(reason) });
    expect([asked.code, asked.stdout]).toEqual([2, ""]);
    expect(asked.stderr).toMatch(reason);
    expect(asked.stderr).toContain(`Install it again: delete ${cuda} and run \`npm install\` in ${root}.`);
  });

  it("of which there is a folder and nothing in it is not installed", async () => {
    const scored = await run(score);
    expect([scored.code, scored.stderr]).toEqual([0, expect.not.stringMatching(/cuda/)]);
    const asked = await run([...score, "--gpu", "cuda"]);
    expect([asked.code, asked.stderr]).toEqual([
      2,
      expect.stringMatching(/not installed: run `npm install --include=optional --prefix /),
    ]);
  });
});
