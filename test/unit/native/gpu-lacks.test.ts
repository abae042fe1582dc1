/** Why a GPU backend cannot be used, and what to do: every backend on every platform, with what may be missing there. */
import { describe, expect, it } from "vitest";
import { NativeError } from "../../../src/errors.ts";
import { explainLack, type GpuFacts, lackOf } from "../../../src/native/gpu-lacks.ts";
import type { GpuVendor } from "../../../src/native/machine.ts";
import { backendsOf, GPU_BACKENDS, type GpuBackend, type Platform } from "../../../src/native/platforms.ts";

const PLATFORMS: readonly Platform[] = [
  { os: "linux", arch: "x64" },
  { os: "linux", arch: "arm64" },
  { os: "win32", arch: "x64" },
  { os: "win32", arch: "arm64" },
  { os: "darwin", arch: "arm64" },
  { os: "darwin", arch: "x64" },
  { os: "freebsd", arch: "x64" },
];
const CASES = PLATFORMS.flatMap((platform) =>
  GPU_BACKENDS.map((backend) => [backend, platform.os, platform.arch, platform] as const),
);

const facts = (platform: Platform, changes: Partial<GpuFacts> = {}): GpuFacts => ({
  platform,
  translated: false,
  graphics: undefined,
  missing: () => undefined,
  osRelease: "ID=debian",
  ...changes,
});

/** What findRuntime() says. */
const notInstalled = (backend: GpuBackend) =>
  new NativeError(
    "ERR_RUNTIME_NOT_FOUND",
    `The llama.cpp runtime with the backend ${backend} is not installed: run \`x\`.`,
  );
const noPackage = new NativeError(
  "ERR_RUNTIME_NOT_FOUND",
  "There is no prebuilt llama.cpp runtime: `npm run build:runtime`.",
);
const failed = new Error("/p/libggml-cuda.so could not be opened: libcudart.so.13: cannot open shared object file.");
const noDevice = new Error("libggml-vulkan.so loads, but found no device");
const crashed = new Error("the driver crashed (SIGSEGV)");

const exists = (backend: GpuBackend, { os, arch }: Platform) =>
  backend === "metal" ? os === "darwin" && arch === "arm64" : os !== "darwin";

describe.each(CASES.filter(([backend, , , platform]) => exists(backend, platform)))(
  "%s on %s %s",
  (backend, _os, _arch, platform) => {
    const hasPackage = backendsOf(platform).includes(backend);
    const cause = hasPackage ? notInstalled(backend) : noPackage;

    it.runIf(exists(backend, platform))(
      "names what is missing before the package, and the runtime where there is none",
      () => {
        const lacking = facts(platform, { missing: () => "no NVIDIA driver is installed" });
        const message = explainLack(backend, cause, lacking)?.message ?? "";
        expect(message).toMatch(
          new RegExp(`^The backend ${backend} cannot be used here: no NVIDIA driver is installed\\. `),
        );
        if (platform.os === "linux") expect(message).toContain("Run `sudo apt-get install nvidia-driver`.");
        else expect(message).toContain("Install it: https://www.nvidia.com/drivers.");
        expect(message.includes("build:runtime")).toBe(!hasPackage);
        for (const found of [failed, noDevice])
          expect(explainLack(backend, found, lacking)).toMatchObject({
            code: "ERR_RUNTIME_UNUSABLE",
            message: expect.stringContaining("no NVIDIA driver is installed"),
          });
        // A crash has another cause, and where nothing is missing the failure speaks for itself.
        expect(explainLack(backend, crashed, lacking)).toBeUndefined();
        for (const found of [cause, failed, noDevice])
          expect(explainLack(backend, found, facts(platform))).toBeUndefined();
      },
    );
  },
);

const ABSENT = CASES.filter(([backend, , , platform]) => !exists(backend, platform));

describe.each(ABSENT)("%s on %s %s", (backend, _os, _arch, platform) => {
  it("is not there for good: no package, build or driver is advised", () => {
    for (const found of [noPackage, noDevice]) {
      const message = explainLack(backend, found, facts(platform, { missing: () => "anything" }))?.message ?? "";
      expect(message).toMatch(
        /cannot be used here: (?:Metal is available only on Macs with Apple silicon|macOS has no CUDA|there is no Vulkan runtime for macOS)\. Here the choices are auto, (?:\w+, )*off\.$/,
      );
      expect(message).not.toContain("build:runtime");
    }
  });
});

describe("the choices that there are", () => {
  const choices = (platform: Platform, backend: GpuBackend) => lackOf(backend, facts(platform))?.advice;
  it.each([
    ["linux", "x64", "metal", "auto, cuda, vulkan, off"],
    ["linux", "arm64", "metal", "auto, off"],
    ["win32", "x64", "metal", "auto, cuda, vulkan, off"],
    ["darwin", "arm64", "cuda", "auto, metal, off"],
    ["darwin", "x64", "vulkan", "auto, off"],
  ] as const)("on %s %s, for %s", (os, arch, backend, list) => {
    expect(choices({ os, arch }, backend)).toBe(`Here the choices are ${list}.`);
  });
});

describe("an Intel build of Node on Apple silicon", () => {
  it("is told to be the reason for which there is no Metal", () => {
    const lack = lackOf("metal", facts({ os: "darwin", arch: "x64" }, { translated: true }));
    expect(lack?.what).toMatch(/^this Node is built for Intel and runs under Rosetta, /);
    expect(lack?.isFinal).toBe(true);
  });
});

describe("advice", () => {
  const linux: Platform = { os: "linux", arch: "x64" };
  const windows: Platform = { os: "win32", arch: "x64" };
  const lack = (
    backend: GpuBackend,
    missing: Partial<Record<GpuBackend, string>>,
    graphics?: readonly GpuVendor[],
    platform = linux,
  ) => lackOf(backend, facts(platform, { missing: (one) => missing[one], graphics }));
  const driver = "no NVIDIA driver is installed";
  const loader = "no Vulkan loader (libvulkan.so.1) is installed";
  const nodes = "the system has no graphics device (/dev/dri/renderD*)";

  it("on a driver is not given where the system shows no card for it", () => {
    for (const graphics of [[], ["amd"], ["intel", "amd"]] as const)
      expect(lack("cuda", { cuda: driver }, graphics)).toEqual({
        what: `${driver}, and the system shows no NVIDIA GPU`,
        isFinal: false,
      });
    expect(lack("vulkan", { vulkan: nodes }, [])).toEqual({ what: nodes, isFinal: false });
    for (const what of [loader, "no Vulkan driver is installed"])
      expect(lack("vulkan", { vulkan: what }, [])).toEqual({
        what: `${what}, and the system shows no GPU`,
        isFinal: false,
      });
  });

  it("is the command of the system where there is a card, or may be", () => {
    for (const graphics of [["nvidia"], ["intel", "nvidia"], ["other"], undefined] as const)
      expect(lack("cuda", { cuda: driver }, graphics)?.command).toBe("sudo apt-get install nvidia-driver");
    expect(lack("vulkan", { vulkan: loader }, ["amd"])?.command).toBe("sudo apt-get install libvulkan1");
    expect(lack("vulkan", { vulkan: "the only Vulkan driver runs on the CPU" }, ["intel"])?.command).toBe(
      "sudo apt-get install mesa-vulkan-drivers",
    );
    expect(lack("vulkan", { vulkan: nodes }, ["amd"])?.advice).toMatch(/^In a container, pass the GPU through /);
  });

  it("on Vulkan is NVIDIA's driver where there is no other card", () => {
    const missing = { cuda: driver, vulkan: "no Vulkan driver is installed" };
    expect(lack("vulkan", missing, ["nvidia"])).toMatchObject({
      what: driver,
      command: "sudo apt-get install nvidia-driver",
    });
    expect(lack("vulkan", missing, ["nvidia", "intel"])).toMatchObject({
      what: missing.vulkan,
      command: "sudo apt-get install mesa-vulkan-drivers",
    });
  });

  it("on Windows names no command of Linux", () => {
    expect(lack("cuda", { cuda: driver }, undefined, windows)).toEqual({
      what: driver,
      isFinal: false,
      advice: "Install it: https://www.nvidia.com/drivers.",
    });
    expect(lack("vulkan", { vulkan: "no Vulkan loader is installed" }, undefined, windows)).toEqual({
      what: "no Vulkan loader is installed",
      isFinal: false,
      advice: "It comes with the driver of the graphics card: install that.",
    });
  });
});
