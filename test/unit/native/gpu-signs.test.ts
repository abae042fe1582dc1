/** Signs of a GPU in the file system: nothing is loaded, so other platforms' rules are tested here, too. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gpuSign } from "../../../src/native/gpu-signs.ts";
import type { GpuBackend, Platform } from "../../../src/native/platforms.ts";
import { fakeRoots } from "./fake-root.ts";

const makeRoot = fakeRoots();
const linux: Platform = { os: "linux", arch: "x64" };
const ICD = "usr/share/vulkan/icd.d";

function sign(backend: GpuBackend, files: readonly string[], env: NodeJS.ProcessEnv = {}, platform = linux) {
  const root = makeRoot(files);
  const { missing, files: found } = gpuSign(backend, {
    platform,
    env: { XDG_DATA_HOME: join(root, "home"), ...env },
    root,
  });
  return { missing, files: found.map((path) => path.replace(root, "")) };
}

describe("a machine without any GPU", () => {
  it.each([
    ["cuda", "no NVIDIA driver is installed"],
    ["vulkan", "no Vulkan loader (libvulkan.so.1) is installed"],
    ["metal", "Metal is available only on Macs with Apple silicon"],
  ] as const)("has no sign of %s", (backend, missing) => {
    expect(sign(backend, [])).toEqual({ missing, files: [] });
  });
});

describe("NVIDIA's driver", () => {
  it("is found where the system keeps libraries, with its devices", () => {
    const files = ["usr/lib/x86_64-linux-gnu/libcuda.so.1", "dev/nvidia0", "dev/nvidiactl", "dev/nvidia1"];
    expect(sign("cuda", files)).toEqual({
      missing: undefined,
      files: ["/usr/lib/x86_64-linux-gnu/libcuda.so.1", "/dev/nvidia0", "/dev/nvidia1"],
    });
    expect(sign("cuda", ["usr/lib/wsl/lib/libcuda.so.1"]).missing).toBeUndefined();
  });

  it("is found on the library path, and without a version it is no driver", () => {
    const folder = makeRoot(["libcuda.so.1"]);
    expect(sign("cuda", [], { LD_LIBRARY_PATH: `/none::${folder}` }).missing).toBeUndefined();
    expect(sign("cuda", ["usr/lib/libcuda.so"]).missing).toBe("no NVIDIA driver is installed");
  });

  it("is looked for on Windows in its own folder, and on no Mac", () => {
    const root = makeRoot(["System32/nvcuda.dll"]);
    const windows: Platform = { os: "win32", arch: "x64" };
    expect(sign("cuda", [], { SystemRoot: root }, windows).missing).toBeUndefined();
    expect(sign("cuda", [], { SystemRoot: join(root, "none") }, windows).missing).toBeDefined();
    expect(sign("cuda", ["usr/lib/libcuda.so.1"], {}, { os: "darwin", arch: "arm64" }).missing).toBeDefined();
  });
});

describe("Vulkan", () => {
  const loader = "usr/lib/libvulkan.so.1";
  it("needs a loader and a driver", () => {
    expect(sign("vulkan", [loader]).missing).toBe("no Vulkan driver is installed");
    expect(sign("vulkan", [`${ICD}/radeon_icd.x86_64.json`]).missing).toContain("no Vulkan loader");
    expect(sign("vulkan", [loader, `${ICD}/readme.txt`]).missing).toBe("no Vulkan driver is installed");
    expect(sign("vulkan", [loader, `${ICD}/radeon_icd.x86_64.json`, "dev/dri/renderD128", "dev/dri/card0"])).toEqual({
      missing: undefined,
      files: [`/${loader}`, `/${ICD}/radeon_icd.x86_64.json`, "/dev/dri/renderD128"],
    });
  });

  it("needs a device, which drivers come without", () => {
    const driver = `${ICD}/radeon_icd.x86_64.json`;
    expect(sign("vulkan", [loader, driver, "dev/dri/card0"]).missing).toMatch(/has no graphics device/);
    for (const node of ["dev/dri/renderD129", "dev/nvidia0", "dev/dxg"])
      expect(sign("vulkan", [loader, driver, node]).missing).toBeUndefined();
  });

  it("that only runs on the CPU is no reason to try it", () => {
    const software = `${ICD}/lvp_icd.x86_64.json`;
    expect(sign("vulkan", [loader, software]).missing).toBe("the only Vulkan driver runs on the CPU");
    expect(
      sign("vulkan", [loader, software, "etc/vulkan/icd.d/nvidia_icd.json", "dev/nvidia0"]).missing,
    ).toBeUndefined();
  });

  it("takes the drivers that the environment names, and no others", () => {
    const named = join(makeRoot(["my_icd.json"]), "my_icd.json");
    for (const variable of ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"])
      expect(sign("vulkan", [loader, `${ICD}/radeon_icd.json`], { [variable]: named }).files).toEqual([
        `/${loader}`,
        named,
      ]);
    expect(sign("vulkan", [loader, `${ICD}/radeon_icd.json`], { VK_DRIVER_FILES: "/none.json" }).missing).toBeDefined();
  });
});

it("takes Apple silicon for Metal, and no other Mac", () => {
  const mac = (arch: string, translated = false) =>
    gpuSign("metal", { platform: { os: "darwin", arch }, env: {}, root: "/", translated }).missing;
  expect(mac("arm64")).toBeUndefined();
  expect(mac("x64")).toBe("Metal is available only on Macs with Apple silicon");
  expect(mac("x64", true)).toMatch(
    /^this Node is built for Intel and runs under Rosetta, .*install Node for Apple silicon/,
  );
});
