/** Real runtimes in a child process: sound ones, and copies that are broken in every way that has a name. */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { isStarlingError } from "../../src/errors.ts";
import { openEngine } from "../../src/native/engine.ts";
import { loadAddon } from "../../src/native/load-addon.ts";
import { probeRuntime } from "../../src/native/probe.ts";
import { findRuntime, hasRuntime, librariesIn, RUNTIME_VARIABLE } from "../../src/native/runtime-folder.ts";
import { errorOf, folder, removeFolder } from "./support.ts";

afterAll(removeFolder);
// Nothing is remembered from one test to the next, nor on the machine.
beforeEach(() => {
  process.env["STARLING_RM_CACHE"] = join(folder, `cache-${copies}`);
});
afterEach(() => {
  delete process.env["STARLING_RM_CACHE"];
  delete process.env[RUNTIME_VARIABLE];
});

const sound = findRuntime("cpu").folder;
let copies = 0;

/** The CPU's runtime in a folder of its own, of links to the genuine files. */
function copyRuntime(): string {
  const path = join(folder, `runtime-${copies++}`);
  mkdirSync(path);
  for (const name of readdirSync(sound)) if (!name.endsWith(".node")) symlinkSync(join(sound, name), join(path, name));
  return path;
}

/** Replaces a link by the first bytes of what it points to. */
function cutOff(path: string, length: number): void {
  const bytes = readFileSync(path).subarray(0, length);
  rmSync(path);
  writeFileSync(path, bytes);
}

const libraryName = (path: string, baseName: RegExp) =>
  join(path, readdirSync(path).find((name) => baseName.test(name)) ?? "none");

/** What opening says for a runtime folder of one's own; this process never opens one. */
async function refusal(path: string, gpu: "off" | "auto" | "vulkan" = "off"): Promise<string> {
  process.env[RUNTIME_VARIABLE] = path;
  const error = await errorOf(openEngine({ gpu }));
  expect(isStarlingError(error), String(error)).toBe(true);
  expect(loadAddon().currentRuntime()).toBeUndefined();
  return error.message;
}

describe("probing the CPU's runtime", () => {
  it("opens it, without opening it here", async () => {
    const result = await probeRuntime(findRuntime("cpu"));
    expect(result).toMatchObject({ opened: true, devices: [{ type: "cpu" }] });
    expect(result.problem).toBeUndefined();
    expect(loadAddon().currentRuntime()).toBeUndefined();
  });

  it("keeps the reason of one that cannot be opened", async () => {
    const result = await probeRuntime({ ...findRuntime("cpu"), version: "9.9.9" });
    expect(result).toMatchObject({ opened: false, devices: [] });
    expect(result.problem).toMatch(/is llama\.cpp 0\.4\.0(?:-dev)?, but this build needs 9\.9\.9/);
  });
});

describe("checkDevices", () => {
  it("needs a runtime", async () => {
    expect((await errorOf(loadAddon().checkDevices())).message).toContain("No llama.cpp runtime is open");
  });
});

describe("a runtime folder", () => {
  it("without a library is refused with the name of it", async () => {
    const path = copyRuntime();
    rmSync(libraryName(path, /^(?:lib)?ggml-base/));
    expect(await refusal(path)).toContain("has no library ggml-base");
  });

  it("whose library was moved is refused with the name of it", async () => {
    const path = copyRuntime();
    const libraries = librariesIn(path);
    renameSync(libraries.ggml, `${libraries.ggml}.away`);
    symlinkSync(join(path, "nowhere"), libraries.ggml);
    expect(await refusal(path)).toContain(`${libraries.ggml} cannot be read: it does not exist.`);
  });

  it.each([
    ["empty", 0, /libllama\S* is not a shared library: it is empty\./],
    ["of a few bytes", 50, /libllama\S* is truncated: it has 50 bytes of at least 64\./],
    // The system's loader would end the process with SIGBUS.
    ["half", 100_000, /libllama\S* is truncated: it has 100000 bytes of at least \d+\./],
  ])("with a library that is %s is refused, and nothing crashes", async (_, length, reason) => {
    const path = copyRuntime();
    const { llama } = librariesIn(path);
    cutOff(llama, length);
    if (process.platform === "linux") expect(await refusal(path)).toMatch(reason);
    expect((await probeRuntime({ ...librariesIn(sound), folder: path, llama })).opened).toBe(false);
  });

  it.runIf(process.platform === "linux")("with a compute backend that is truncated is refused", async () => {
    const path = copyRuntime();
    const backend = libraryName(path, /^libggml-cpu.*\.so$/);
    cutOff(backend, 5_000);
    expect(await refusal(path)).toContain(`${backend} is truncated: it has 5000 bytes`);
  });

  it.runIf(hasOther())("for another processor is refused in words", async () => {
    const path = join(folder, `runtime-${copies++}`);
    cpSync(otherRuntime(), path, { recursive: true });
    expect(await refusal(path)).toMatch(
      /was built for Linux on arm64, but this is Linux on x64\. Set STARLING_RM_RUNTIME to a folder/,
    );
  });

  it("of another version is refused with both versions", async () => {
    const path = copyRuntime();
    const { llama, ggmlBase } = librariesIn(path);
    // A library that is there and sound, but not llama.cpp's.
    rmSync(llama);
    copyFileSync(ggmlBase, llama);
    expect(await refusal(path)).toMatch(
      /does not export llama_version: it is not a llama\.cpp 0\.4\.0 library\. Set STARLING_RM_RUNTIME/,
    );
  });

  it("whose GPU backend crashes is tried elsewhere, and not opened here", async () => {
    const path = copyRuntime();
    // Not a library: the backend cannot even be opened, and the CPU of the same folder still works.
    writeFileSync(join(path, process.platform === "win32" ? "ggml-vulkan.dll" : "libggml-vulkan.so"), "garbage");
    expect(await refusal(path, "vulkan")).toMatch(
      /cannot be used: .*(?:no device|damaged|it is a text file|could not be opened)/,
    );
  });

  it("that does not exist is refused", async () => {
    expect(await refusal(join(folder, "none"))).toContain("cannot be read");
    expect(await refusal(join(folder, "none"), "auto")).toContain("cannot be read");
  });
});

function otherRuntime(): string {
  return join(sound, "..", "..", "..", "linux-arm64", "bins", "linux-arm64");
}

function hasOther(): boolean {
  if (process.platform !== "linux" || process.arch !== "x64") return false;
  try {
    return readdirSync(otherRuntime()).length > 0;
  } catch {
    return false;
  }
}

describe.runIf(hasRuntime("vulkan") && process.platform === "linux")("Vulkan", () => {
  it("gives a device, or the reason why it has none", async () => {
    const { opened, devices, problem } = await probeRuntime(findRuntime("vulkan"));
    if (devices.some(({ type }) => type !== "cpu")) expect(opened).toBe(true);
    else expect(problem).toMatch(/no device|could not be opened|crashed|did not answer/);
  });
});
