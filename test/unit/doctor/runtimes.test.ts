/** What doctor says of runtimes, on invented machines: nothing is opened. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findRuntimes } from "../../../src/doctor/runtimes.ts";
import { NativeError } from "../../../src/errors.ts";
import type { NativeDevice, RuntimeLibraries } from "../../../src/native/addon.ts";
import type { Machine } from "../../../src/native/choose-backend.ts";
import { featuresOfLinux, graphicsVendors } from "../../../src/native/machine.ts";
import type { Backend } from "../../../src/native/platforms.ts";
import type { ProbeResult } from "../../../src/native/probe.ts";
import { fakeRoots } from "../native/fake-root.ts";

const makeRoot = fakeRoots();
const cache = mkdtempSync(join(tmpdir(), "starling-rm-doctor-"));
const before = process.env["STARLING_RM_CACHE"];
beforeAll(() => {
  process.env["STARLING_RM_CACHE"] = cache;
});
afterAll(() => {
  if (before === undefined) delete process.env["STARLING_RM_CACHE"];
  else process.env["STARLING_RM_CACHE"] = before;
  rmSync(cache, { recursive: true, force: true });
});

const device = (name: string, type: NativeDevice["type"], description = name): NativeDevice => ({
  ...{ name, type, description },
  ...{ memoryFree: 1, memoryTotal: 2 },
});
const CPU = device("CPU", "cpu");
const found = (...devices: NativeDevice[]): ProbeResult => ({ opened: true, devices: [...devices, CPU] });

async function examine(
  probes: Partial<Record<Backend, ProbeResult>>,
  {
    backends = ["cuda", "vulkan", "cpu"] as Backend[],
    missing = {} as Partial<Record<Backend, string>>,
    folder = "",
  } = {},
) {
  const tried: string[] = [];
  const machine: Machine = {
    backends,
    missing: (backend) => missing[backend],
    damage: () => undefined,
    find: (backend) => {
      if (probes[backend] === undefined && folder === "")
        throw new NativeError("ERR_RUNTIME_NOT_FOUND", `${backend} is not installed.`);
      const at = folder === "" ? `/none/${backend}` : folder;
      return { folder: at, ggmlBase: `${at}/b`, ggml: `${at}/g`, llama: `${at}/l`, version: "1" };
    },
    probe: () => Promise.reject(new Error("doctor tries for itself")),
  };
  const probe = async ({ folder: at }: RuntimeLibraries) => {
    tried.push(at);
    return probes[(at.split("/").at(-1) ?? "") as Backend] ?? (probes[backends[0] as Backend] as ProbeResult);
  };
  const findings = await findRuntimes(machine, probe, {
    platform: { os: "linux", arch: "x64" },
    translated: false,
    graphics: undefined,
    missing: (backend) => missing[backend],
    osRelease: "ID=debian",
  });
  return {
    ...findings,
    tried,
    states: Object.fromEntries(findings.runtimes.map(({ backend, state }) => [backend, state])),
  };
}

describe("findRuntimes", () => {
  it("tries each once and says what auto takes", async () => {
    const { states, choice, tried, runtimes } = await examine({
      cuda: found(device("CUDA0", "gpu")),
      vulkan: found(),
      cpu: found(),
    });
    expect(states).toEqual({ cuda: "works", vulkan: "no device", cpu: "works" });
    expect(choice).toBe("cuda");
    expect(tried).toEqual(["/none/cuda", "/none/vulkan", "/none/cpu"]);
    expect(runtimes[0]?.devices).toEqual([{ ...device("CUDA0", "gpu"), software: false }]);
    expect(runtimes[2]?.devices.map(({ name }) => name)).toEqual(["CPU"]);
  });

  it("tells what crashed, is missing, or has no device", async () => {
    const crashed: ProbeResult = { opened: false, devices: [], problem: "the driver crashed (SIGSEGV)" };
    const { states, choice, runtimes, reasons } = await examine(
      {
        vulkan: { ...found(), problem: "x could not be opened: libvulkan.so.1: cannot open shared object file" },
        cpu: found(),
      },
      { missing: { vulkan: "no Vulkan loader is installed" } },
    );
    expect(states).toEqual({ cuda: "not installed", vulkan: "no device", cpu: "works" });
    expect(runtimes[1]?.problem).toBe("no Vulkan loader is installed. Run `sudo apt-get install libvulkan1`.");
    expect(runtimes[0]?.problem).toBe("cuda is not installed.");
    expect([choice, reasons.length]).toEqual(["cpu", 2]);
    const both = await examine({ cpu: found() }, { missing: { cuda: "no NVIDIA driver is installed" } });
    expect(both.runtimes[0]?.problem).toBe("no NVIDIA driver is installed. Run `sudo apt-get install nvidia-driver`.");
    expect((await examine({ cuda: crashed, vulkan: found(), cpu: found() })).states["cuda"]).toBe("broken");
  });

  it("chooses nothing where not even the CPU works", async () => {
    const { choice, states } = await examine({}, { backends: ["cpu"] });
    expect([choice, states]).toEqual([undefined, { cpu: "not installed" }]);
    const broken = await examine({ cpu: { opened: false, devices: [], problem: "x" } }, { backends: ["cpu"] });
    expect([broken.choice, broken.states]).toEqual([undefined, { cpu: "broken" }]);
  });

  it("tries a folder that serves several backends once", async () => {
    const mac = await examine({ metal: found(device("MTL0", "gpu")) }, { backends: ["metal", "cpu"], folder: "/own" });
    expect(mac).toMatchObject({ tried: ["/own"], choice: "metal", states: { metal: "works", cpu: "works" } });
  });

  it("offers software devices, and says that auto does not take them", async () => {
    const llvmpipe = device("Vulkan0", "gpu", "llvmpipe (LLVM 15)");
    const { runtimes, choice, reasons } = await examine(
      { vulkan: found(llvmpipe), cpu: found() },
      { backends: ["vulkan", "cpu"] },
    );
    expect(runtimes[0]).toMatchObject({ state: "works", devices: [{ software: true }] });
    expect([choice, reasons[0]?.reason]).toEqual(["cpu", expect.stringContaining("runs on the CPU")]);
  });
});

describe("the machine", () => {
  it("lists the instruction sets that matter, in one order on every system", () => {
    expect(featuresOfLinux("processor: 0\nflags\t\t: fpu fma avx2 sse4_2 avx512_vnni avx\n", "x64")).toEqual([
      ...["sse4_2", "avx", "fma", "avx2", "avx512_vnni"],
    ]);
    expect(featuresOfLinux("Features\t: fp asimd asimdhp asimddp i8mm sve\n", "arm64")).toEqual([
      "asimdhp",
      "asimddp",
      "i8mm",
      "sve",
    ]);
    expect(featuresOfLinux("")).toBeUndefined();
  });

  it("sees graphics processors without any driver", () => {
    const pci = (name: string, kind: string, vendor: string) => ({
      [`sys/bus/pci/devices/${name}/class`]: `${kind}\n`,
      [`sys/bus/pci/devices/${name}/vendor`]: `${vendor}\n`,
    });
    const root = makeRoot({
      ...pci("0000:00:02.0", "0x030000", "0x8086"),
      ...pci("0000:01:00.0", "0x030200", "0x10de"),
      ...pci("0000:02:00.0", "0x020000", "0x10de"),
      ...pci("0000:03:00.0", "0x038000", "0x1234"),
    });
    expect(graphicsVendors(root)?.sort()).toEqual(["intel", "nvidia", "other"]);
    expect(graphicsVendors(makeRoot([]))).toBeUndefined();
  });
});
