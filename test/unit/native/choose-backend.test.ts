/** Which backend is taken, on invented machines. */
import { describe, expect, it } from "vitest";
import type { NativeDevice, RuntimeLibraries } from "../../../src/native/addon.ts";
import { chooseBackend, confirmBackend, type Machine, UnusableRuntime } from "../../../src/native/choose-backend.ts";
import { deviceBackend, isSoftware, sharesMemory, usableDevices } from "../../../src/native/devices.ts";
import { type Backend, backendsOf, type GpuBackend } from "../../../src/native/platforms.ts";
import type { ProbeResult } from "../../../src/native/probe.ts";

const device = (name: string, type: NativeDevice["type"] = "gpu", description = name): NativeDevice => ({
  name,
  type,
  description,
  memoryFree: 1,
  memoryTotal: 2,
});
const CPU = device("CPU", "cpu");
const found = (...devices: NativeDevice[]): ProbeResult => ({ opened: true, devices: [...devices, CPU] });
const crashed: ProbeResult = { opened: false, devices: [], problem: "the driver crashed (SIGSEGV)" };

interface Invented {
  readonly backends?: readonly Backend[];
  readonly missing?: Partial<Record<GpuBackend, string>>;
  readonly probes?: Partial<Record<GpuBackend, ProbeResult>>;
  readonly damage?: Partial<Record<GpuBackend, string>>;
  /** What finding or trying a runtime throws. */
  readonly errors?: Partial<Record<GpuBackend, Partial<Record<"missing" | "find" | "probe", Error>>>>;
  /** All backends in one folder. */
  readonly oneFolder?: boolean;
}

function machine({ backends = ["cuda", "vulkan", "cpu"], missing = {}, probes = {}, ...invention }: Invented) {
  const { damage = {}, errors = {}, oneFolder = false } = invention;
  const probed: GpuBackend[] = [];
  const fail = (backend: Backend, when: "missing" | "find" | "probe") => {
    const error = backend === "cpu" ? undefined : errors[backend]?.[when];
    if (error !== undefined) throw error;
  };
  const invented: Machine = {
    backends,
    missing: (backend) => {
      fail(backend, "missing");
      return missing[backend];
    },
    damage: (_, backend) => damage[backend],
    find: (backend) => {
      fail(backend, "find");
      const folder = oneFolder ? "/own" : `/${backend}`;
      return { folder, ggmlBase: "", ggml: "", llama: "", version: "" } satisfies RuntimeLibraries;
    },
    probe: async (_, backend) => {
      fail(backend, "probe");
      probed.push(backend);
      return probes[backend];
    },
  };
  return { invented, probed };
}

describe("auto", () => {
  it("tries nothing on a machine without any sign of a GPU", async () => {
    const { invented, probed } = machine({ missing: { cuda: "no driver", vulkan: "no loader" } });
    expect(await chooseBackend(invented)).toMatchObject({
      backend: "cpu",
      libraries: { folder: "/cpu" },
      reasons: [
        { backend: "cuda", reason: "no driver" },
        { backend: "vulkan", reason: "no loader" },
      ],
    });
    expect(probed).toEqual([]);
  });

  it("takes the first that works, and tries no further", async () => {
    const { invented, probed } = machine({
      probes: { cuda: found(device("CUDA0")), vulkan: found(device("Vulkan0")) },
    });
    expect(await chooseBackend(invented)).toMatchObject({ backend: "cuda", reasons: [] });
    expect(probed).toEqual(["cuda"]);
  });

  it.each([
    ["crashes", crashed, "the driver crashed (SIGSEGV)"],
    ["has no device", found(), "its libraries load, but they found no device"],
    [
      "has only a broken device",
      { ...found(), problem: "CUDA0: it multiplied wrongly" },
      "CUDA0: it multiplied wrongly",
    ],
    ["has only devices of another backend", found(device("Vulkan0")), "its libraries load, but they found no device"],
  ])("goes on when a runtime %s", async (_, cuda, reason) => {
    const { invented } = machine({ probes: { cuda, vulkan: found(device("Vulkan0")) } });
    expect(await chooseBackend(invented)).toMatchObject({ backend: "vulkan", reasons: [{ backend: "cuda", reason }] });
  });

  it("skips a Vulkan driver that runs on the CPU, which can be asked for", async () => {
    const llvmpipe = device("Vulkan0", "gpu", "llvmpipe (LLVM 15.0.6, 256 bits)");
    const { invented } = machine({ missing: { cuda: "no driver" }, probes: { vulkan: found(llvmpipe) } });
    const { backend, reasons } = await chooseBackend(invented);
    expect(backend).toBe("cpu");
    expect(reasons[1]?.reason).toBe("its only device, llvmpipe (LLVM 15.0.6, 256 bits), runs on the CPU");
    expect(await confirmBackend("vulkan", invented)).toMatchObject({ backend: "vulkan" });
  });

  it("believes the signs where nothing may be tried", async () => {
    expect(await chooseBackend(machine({}).invented)).toMatchObject({ backend: "cuda", reasons: [] });
  });

  it("does not open a runtime for the CPU that just crashed", async () => {
    const mac = machine({ backends: ["metal", "cpu"], probes: { metal: crashed }, oneFolder: true });
    await expect(chooseBackend(mac.invented)).rejects.toThrow(UnusableRuntime);
    const noDevice = machine({ backends: ["metal", "cpu"], probes: { metal: found() }, oneFolder: true });
    expect(await chooseBackend(noDevice.invented)).toMatchObject({ backend: "cpu", libraries: { folder: "/own" } });
  });
});

describe("a runtime that is not whole", () => {
  it.each(["missing", "find", "probe"] as const)("is a reason in the list, not an error (%s)", async (when) => {
    const errors = { cuda: { [when]: new Error("The package is not whole.") } };
    const { invented } = machine({ errors, missing: { vulkan: "no loader" } });
    expect(await chooseBackend(invented)).toMatchObject({
      backend: "cpu",
      reasons: [
        { backend: "cuda", reason: "The package is not whole" },
        { backend: "vulkan", reason: "no loader" },
      ],
    });
  });

  it("is not tried, and the next backend is", async () => {
    const probes = { vulkan: found(device("Vulkan0")) };
    const { invented, probed } = machine({ damage: { cuda: "libggml-cuda.so is truncated." }, probes });
    expect(await chooseBackend(invented)).toMatchObject({
      backend: "vulkan",
      reasons: [{ backend: "cuda", reason: "libggml-cuda.so is truncated" }],
    });
    expect(probed).toEqual(["vulkan"]);
  });

  it("is an error where it is asked for", async () => {
    const { invented } = machine({
      damage: { cuda: "It is truncated." },
      errors: { vulkan: { find: new Error("gone") } },
    });
    await expect(confirmBackend("cuda", invented)).rejects.toThrow("It is truncated.");
    await expect(confirmBackend("vulkan", invented)).rejects.toThrow("gone");
  });
});

describe("a backend that is asked for", () => {
  it("is tried all the same, and refused with the reason", async () => {
    const { invented } = machine({ missing: { cuda: "no driver" }, probes: { cuda: crashed, vulkan: found() } });
    await expect(confirmBackend("cuda", invented)).rejects.toThrow("the driver crashed (SIGSEGV)");
    await expect(confirmBackend("vulkan", invented)).rejects.toThrow("found no device");
  });
});

describe("devices", () => {
  it("are told apart by their names", () => {
    expect(deviceBackend(device("CUDA0"))).toBe("cuda");
    expect(deviceBackend(device("Vulkan1", "igpu"))).toBe("vulkan");
    expect(deviceBackend(device("MTL0"))).toBe("metal");
    expect(deviceBackend(device("Metal"))).toBe("metal");
    expect(deviceBackend(CPU)).toBeUndefined();
    expect(deviceBackend(device("BLAS", "accel"))).toBeUndefined();
  });

  it("of their own go before integrated ones, and real ones before software", () => {
    const [own, integrated] = [device("Vulkan0"), device("Vulkan1", "igpu")];
    const software = device("Vulkan2", "gpu", "llvmpipe (LLVM 15)");
    expect(usableDevices([integrated, own, software, CPU], "vulkan")).toEqual([own]);
    expect(usableDevices([integrated, software], "vulkan")).toEqual([integrated]);
    expect(usableDevices([software], "vulkan")).toEqual([software]);
    expect(usableDevices([own, device("CUDA0"), device("CUDA1")], "cuda").map(({ name }) => name)).toEqual([
      "CUDA0",
      "CUDA1",
    ]);
  });

  it("share the machine's memory or have their own", () => {
    expect(sharesMemory(device("MTL0"))).toBe(true);
    expect(sharesMemory(device("Vulkan0", "igpu"))).toBe(true);
    expect(sharesMemory(device("Vulkan0", "gpu", "llvmpipe"))).toBe(true);
    expect(sharesMemory(device("CUDA0"))).toBe(false);
    expect(isSoftware(device("Vulkan0", "gpu", "AMD Radeon RX 7900 XTX (RADV NAVI31)"))).toBe(false);
  });
});

it("knows the order of each platform", () => {
  expect(backendsOf({ os: "linux", arch: "x64" })).toEqual(["cuda", "vulkan", "cpu"]);
  expect(backendsOf({ os: "darwin", arch: "arm64" })).toEqual(["metal", "cpu"]);
  expect(backendsOf({ os: "darwin", arch: "x64" })).toEqual(["cpu"]);
  expect(backendsOf({ os: "freebsd", arch: "x64" })).toEqual([]);
});
