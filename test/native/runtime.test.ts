/** Opening the addon and a runtime: what fits, and what is refused in which words. Order matters: a process holds one runtime. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { isStarlingError } from "../../src/errors.ts";
import { CONTRACT_VERSION, type RuntimeLibraries } from "../../src/native/addon.ts";
import { deviceBackend } from "../../src/native/devices.ts";
import { openEngine } from "../../src/native/engine.ts";
import { findAddon, loadAddon, openAddon } from "../../src/native/load-addon.ts";
import { runtimePackage } from "../../src/native/platforms.ts";
import { currentTarget, prebuildName, prebuildPath } from "../../src/native/prebuilds.ts";
import {
  findRuntime,
  LLAMA_VERSION,
  librariesIn,
  RUNTIME_PACKAGE_VERSION,
  RUNTIME_VARIABLE,
} from "../../src/native/runtime-folder.ts";
import { packageRoot } from "../../src/package-info.ts";
import { errorOf, folder, removeFolder } from "./support.ts";

afterAll(removeFolder);

function thrownBy(action: () => unknown): { code?: string; message: string } {
  try {
    action();
  } catch (error) {
    if (isStarlingError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function makeFolder(name: string, files: readonly string[]): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const file of files) writeFileSync(join(path, file), "");
  return path;
}

describe("the addon", () => {
  it("fits its contract and is opened once", () => {
    expect(loadAddon().contractVersion).toBe(CONTRACT_VERSION);
    expect(loadAddon()).toBe(loadAddon());
  });

  it("that is missing is reported with the command that fixes it", () => {
    const checkout = makeFolder("checkout", []);
    const build = `run \`node ${JSON.stringify(join(checkout, "scripts", "build-addon.mjs"))}\``;
    makeFolder("checkout/src", []);
    expect(thrownBy(() => openAddon(checkout))).toMatchObject({
      code: "ERR_ADDON_NOT_BUILT",
      message: expect.stringContaining(build),
    });
    const own = join(makeFolder("checkout/build/Release", []), "starling_rm.node");
    copyFileSync(findAddon() as string, own);
    expect(openAddon(checkout)).toEqual({ path: own, addon: expect.anything() });
  });
});

describe("your own build", () => {
  const genuine = readFileSync(findAddon() as string);
  const truncated = genuine.subarray(0, genuine.length / 2);
  /** Whole to its last byte as far as its header shows, without anything that the loader needs. */
  const hollow = Buffer.concat([genuine.subarray(0, 64), Buffer.alloc(genuine.length - 64)]);
  const prebuilt = prebuildPath("", prebuildName(currentTarget()));

  it.each<[string, Buffer, RegExp]>([
    ["is truncated", truncated, /starling_rm\.node is truncated: it has \d+ bytes of at least \d+\.$/],
    ["is empty", Buffer.alloc(0), /starling_rm\.node is not a shared library: it is empty\.$/],
    ["does not load", hollow, /starling_rm\.node does not load \(.+\)\.$/],
  ])("that %s is passed by: the prebuilt addon is opened", (state, bytes, reason) => {
    const installed = makeFolder(`${state}/node_modules/starling-rm`, []);
    for (const [name, content] of [
      [join("build", "Release", "starling_rm.node"), bytes],
      [prebuilt, genuine],
    ] as const) {
      mkdirSync(dirname(join(installed, name)), { recursive: true });
      writeFileSync(join(installed, name), content);
    }
    const { path, passedBy, addon } = openAddon(installed);
    expect([path, addon.contractVersion]).toEqual([join(installed, prebuilt), CONTRACT_VERSION]);
    expect(passedBy).toMatch(/^The native addon .*build[\\/]Release/);
    expect(passedBy).toMatch(reason);
  });
});

describe("finding a runtime", () => {
  afterEach(() => {
    delete process.env[RUNTIME_VARIABLE];
  });

  it.each([
    [
      "linux",
      [
        "libggml-base.so",
        `libggml.v${LLAMA_VERSION}.so`,
        `libllama.v${LLAMA_VERSION}.so`,
        "libllama-common.so",
        "libggml-cpu-x64.so",
      ],
    ],
    [
      "linux-cuda",
      ["libggml-base.so", `libggml.cuda.v${LLAMA_VERSION}.so`, `libllama.cuda.v${LLAMA_VERSION}.so`, "libggml-cuda.so"],
    ],
    [
      "macos",
      [
        "libggml-base.dylib",
        `libggml.metal.v${LLAMA_VERSION}.dylib`,
        `libllama.metal.v${LLAMA_VERSION}.dylib`,
        "libggml-metal.dylib",
      ],
    ],
    ["windows", ["ggml-base.dll", `ggml.v${LLAMA_VERSION}.dll`, `llama.v${LLAMA_VERSION}.dll`, "ggml-cpu-haswell.dll"]],
    ["own-build", ["libggml-base.so", "libggml.so", "libllama.so", "libllama.so.0", "libggml-cpu.so"]],
  ])("recognises the files of %s", (name, files) => {
    const path = makeFolder(name, files);
    const [ggmlBase, ggml, llama] = files.map((file) => join(path, file));
    expect(librariesIn(path)).toEqual({ folder: path, ggmlBase, ggml, llama, version: LLAMA_VERSION });
  });

  it("names the library that a folder lacks", () => {
    const path = makeFolder("half", ["libggml-base.so", `libllama.v${LLAMA_VERSION}.so`, "libggml-cpu.so"]);
    expect(thrownBy(() => librariesIn(path))).toMatchObject({
      code: "ERR_RUNTIME_UNUSABLE",
      message: expect.stringContaining("no library ggml "),
    });
    expect(thrownBy(() => librariesIn(join(folder, "nowhere")))).toMatchObject({ code: "ERR_RUNTIME_NOT_FOUND" });
  });

  it("prefers the folder that the environment names", () => {
    const path = makeFolder("linux", []);
    process.env[RUNTIME_VARIABLE] = path;
    expect(findRuntime("cuda").folder).toBe(path);
  });

  it("names the package of every platform, and says where there is none", () => {
    expect(runtimePackage("cuda", { os: "win32", arch: "x64" })).toBe("@node-llama-cpp/win-x64-cuda");
    expect(runtimePackage("cpu", { os: "darwin", arch: "arm64" })).toBe("@node-llama-cpp/mac-arm64-metal");
    expect(runtimePackage("cpu", { os: "freebsd", arch: "x64" })).toBeUndefined();
    if (process.platform === "darwin") return;
    expect(thrownBy(() => findRuntime("metal")).code).toBe("ERR_RUNTIME_NOT_FOUND");
  });

  it("is pinned to the version of the package that the headers come from", async () => {
    const { default: manifest } = await import("../../package.json", { with: { type: "json" } });
    expect(manifest.devDependencies["node-llama-cpp"]).toBe(RUNTIME_PACKAGE_VERSION);
    for (const version of Object.values(manifest.optionalDependencies)) expect(version).toBe(RUNTIME_PACKAGE_VERSION);
  });

  it("tells backends apart by their devices", () => {
    expect(deviceBackend({ name: "CUDA0", type: "gpu" })).toBe("cuda");
    expect(deviceBackend({ name: "Vulkan1", type: "igpu" })).toBe("vulkan");
    expect(deviceBackend({ name: "MTL0", type: "gpu" })).toBe("metal");
    expect(deviceBackend({ name: "CPU", type: "cpu" })).toBeUndefined();
  });
});

describe("opening a runtime", () => {
  const addon = loadAddon();
  const libraries = findRuntime("cpu");
  const reasonFor = async (changes: Partial<RuntimeLibraries>) =>
    (await errorOf(addon.openRuntime({ ...libraries, ...changes }))).message;

  it("needs one before anything else", async () => {
    expect(addon.currentRuntime()).toBeUndefined();
    const options = { input: "a", output: "b", ftype: 1, threads: 1 };
    expect((await errorOf(addon.quantize(options))).message).toContain("No llama.cpp runtime is open");
  });

  it("refuses what does not fit, naming the file and what is wrong with it", async () => {
    expect(() => addon.openRuntime({ ...libraries, llama: 5 } as never)).toThrow(TypeError);
    expect(await reasonFor({ llama: join(folder, "none.so") })).toContain("none.so could not be opened");
    writeFileSync(join(folder, "garbage.so"), "garbage");
    expect(await reasonFor({ ggml: join(folder, "garbage.so") })).toContain("garbage.so could not be opened");
    const notLlama = await reasonFor({ llama: libraries.ggmlBase });
    expect(notLlama).toContain(`${libraries.ggmlBase} does not export llama_version`);
    expect(await reasonFor({ version: "9.9.9" })).toMatch(/is llama\.cpp 0\.4\.0.*but this build needs 9\.9\.9/);
    expect(addon.currentRuntime()).toBeUndefined();
  });

  it("opens it with a CPU and no GPU, in this thread and others, once", async () => {
    const engine = await openEngine({ gpu: "off" });
    expect(engine).toMatchObject({ backend: "cpu", runtimeInfo: { folder: libraries.folder } });
    expect(engine.runtimeInfo.devices.map(({ type }) => type)).toEqual(["cpu"]);
    expect(await addon.openRuntime(libraries)).toEqual(engine.runtimeInfo);
    expect((await openEngine({ gpu: "auto" })).backend).toBe("cpu");
    const path = join(packageRoot(), "build", "Release", "starling_rm.node");
    const worker = new Worker(
      `const addon = require(${JSON.stringify(path)}); require("worker_threads").parentPort.postMessage(addon.currentRuntime().folder);`,
      { eval: true },
    );
    expect(await new Promise((resolve) => worker.once("message", resolve))).toBe(libraries.folder);
  });

  it("refuses another folder afterwards, and a backend that it has no device for", async () => {
    expect(await reasonFor({ folder: "/elsewhere" })).toContain("a process holds one");
    for (const gpu of ["cuda", "vulkan", "metal"] as const)
      expect(await errorOf(openEngine({ gpu }))).toMatchObject({ code: "ERR_RUNTIME_UNUSABLE" });
  });
});
