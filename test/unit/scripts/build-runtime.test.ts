import { describe, expect, it } from "vitest";
import { cmakeEntries, isRuntimeFile, nameOf, parseOptions } from "../../../scripts/build-runtime/plan.mjs";
import { describeMissing, lookForTools } from "../../../scripts/build-runtime/tools.mjs";

interface System {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string>>;
  readonly works: (command: string) => boolean;
  readonly exists: (path: string) => boolean;
  readonly read: (path: string) => string;
  readonly basics: () => string[];
}

function system(changes: Partial<System> & { commands?: string[]; files?: Record<string, string> }): System {
  const { commands = [], files = {}, ...rest } = changes;
  return {
    platform: "linux",
    env: {},
    works: (command) => commands.includes(command),
    exists: (path) => path in files,
    read: (path) => files[path] as string,
    basics: () => [],
    ...rest,
  };
}

const missing = (backend: string, of: System) => describeMissing(backend, lookForTools(backend, of), of.platform);

const vulkanFiles = (header: string, prefix = "/usr") => ({
  [`${prefix}/include/vulkan/vulkan_core.h`]: header,
  [`${prefix}/lib/x86_64-linux-gnu/libvulkan.so`]: "",
  [`${prefix}/share/cmake/SPIRV-Headers/SPIRV-HeadersConfig.cmake`]: "",
});

describe("the tools of a runtime's build", () => {
  it("are named in one message with the packages of each distribution", () => {
    const message = missing("vulkan", system({ basics: () => ["cmake", "a C++ compiler"] }));
    expect(message).toBe(
      "The runtime with the backend vulkan cannot be built here. What is missing: cmake, a C++ compiler, glslc, " +
        "the Vulkan headers, the Vulkan loader, the SPIR-V headers. Install with `apt-get install cmake g++ glslc " +
        "libvulkan-dev spirv-headers` (Debian, Ubuntu), or `dnf install cmake gcc-c++ glslc vulkan-headers " +
        "vulkan-loader-devel spirv-headers-devel` (Fedora), or `pacman -S cmake gcc shaderc vulkan-headers " +
        "vulkan-icd-loader spirv-headers` (Arch).",
    );
  });

  it("are nothing more than the addon's for the CPU", () => {
    expect(missing("cpu", system({}))).toBeUndefined();
    expect(missing("cpu", system({ basics: () => ["git"] }))).toContain("apt-get install git");
  });

  it("find nvcc where its installer puts it", () => {
    expect(missing("cuda", system({}))).toMatch(/nvcc .*nvidia-cuda-toolkit.*pacman -S cuda/);
    expect(missing("cuda", system({ platform: "win32" }))).toContain("winget install Nvidia.CUDA");
    expect(missing("cuda", system({ commands: ["/usr/local/cuda/bin/nvcc"] }))).toBeUndefined();
    expect(
      missing("cuda", system({ env: { CUDA_PATH: "/opt/cuda" }, commands: ["/opt/cuda/bin/nvcc"] })),
    ).toBeUndefined();
  });

  it("refuse Vulkan headers that are too old, and take newer ones from VULKAN_SDK", () => {
    const old = vulkanFiles("#define VK_HEADER_VERSION 239");
    expect(missing("vulkan", system({ commands: ["glslc"], files: old }))).toMatch(
      /The Vulkan headers of \/usr\/include\/vulkan\/vulkan_core\.h are too old.*VULKAN_SDK/,
    );
    const files = { ...old, ...vulkanFiles("#define VK_EXT_layer_settings 1", "/sdk") };
    expect(missing("vulkan", system({ commands: ["glslc"], env: { VULKAN_SDK: "/sdk" }, files }))).toBeUndefined();
  });

  it("say where a backend does not exist", () => {
    expect(missing("metal", system({}))).toContain("Metal is on macOS only.");
    expect(missing("metal", system({ platform: "darwin" }))).toContain("xcode-select --install");
    expect(missing("metal", system({ platform: "darwin", commands: ["xcrun"] }))).toBeUndefined();
  });
});

describe("the plan of a runtime's build", () => {
  const linux = { os: "linux", arch: "x64" };

  it("has a CPU library for each generation of processors, or one for this machine", () => {
    const any = cmakeEntries({ backend: "cpu", native: false, rpc: false }, linux);
    expect(any).toMatchObject({ GGML_BACKEND_DL: "ON", GGML_CPU_ALL_VARIANTS: "ON", GGML_NATIVE: "OFF" });
    const own = cmakeEntries({ backend: "cpu", native: true, rpc: false }, linux);
    expect(own).toMatchObject({ GGML_BACKEND_DL: "OFF", GGML_CPU_ALL_VARIANTS: "OFF", GGML_NATIVE: "ON" });
    const windows = cmakeEntries({ backend: "cpu", native: false, rpc: true }, { os: "win32", arch: "arm64" });
    expect(windows).toMatchObject({ GGML_CPU_ALL_VARIANTS: "OFF", GGML_RPC: "ON" });
    const mac = cmakeEntries({ backend: "metal", native: false, rpc: false }, { os: "darwin", arch: "arm64" });
    expect(mac).toMatchObject({ GGML_BLAS: "OFF", GGML_METAL: "ON", GGML_CPU_ALL_VARIANTS: "ON" });
  });

  it.each(["cuda", "vulkan", "metal"])("turns on %s alone", (backend) => {
    const entries = cmakeEntries({ backend, native: false, rpc: false }, linux);
    const on = ["CUDA", "VULKAN", "METAL"].filter((name) => entries[`GGML_${name}`] === "ON");
    expect(on).toEqual([backend.toUpperCase()]);
  });

  it("is named by what it is, and refuses other backends", () => {
    expect(nameOf(parseOptions(["--backend", "cpu", "--native", "--rpc"]))).toBe("cpu-native-rpc");
    expect(() => parseOptions(["--backend", "opencl"])).toThrow(
      "Expected one of cpu, cuda, vulkan, metal for --backend but received opencl.",
    );
  });

  it("takes libraries and nothing else", () => {
    const names = [
      "libllama.so",
      "libggml-cpu-zen4.so",
      "ggml-base.dll",
      "libllama.dylib",
      "llama.lib",
      "vulkan-shaders-gen",
    ];
    expect(names.filter(isRuntimeFile)).toEqual(names.slice(0, 4));
  });
});
