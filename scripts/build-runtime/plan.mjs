// Settings of a source build of llama.cpp: pure functions of the command line and the platform.
import { parseArgs } from "node:util";

export const backends = ["cpu", "cuda", "vulkan", "metal"];

export const USAGE = `Usage: npm run build:runtime -- --backend ${backends.join("|")} [--native] [--rpc] [--output FOLDER]

Builds llama.cpp from the source that node-llama-cpp ships (nothing is downloaded) into a runtime folder for
STARLING_RM_RUNTIME.

  --backend NAME    backend to build; the CPU is always included
  --native          only for this machine's processor, instead of one library per processor generation
  --rpc             also build llama.cpp's backend for devices of other machines
  --output FOLDER   default: runtimes/BACKEND[-native][-rpc]; replaces an earlier build
  --help            print this help`;

/** @returns {{ backend: string, native: boolean, rpc: boolean, output?: string, help: boolean }} */
export function parseOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      backend: { type: "string" },
      native: { type: "boolean", default: false },
      rpc: { type: "boolean", default: false },
      output: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (!values.help && !backends.includes(values.backend))
    throw new RangeError(`Expected one of ${backends.join(", ")} for --backend but received ${values.backend}.`);
  return values;
}

/** The name of a build, of its folder and of the folder that it is made in. */
export function nameOf({ backend, native, rpc }) {
  return [backend, native && "native", rpc && "rpc"].filter(Boolean).join("-");
}

/** Parts of llama.cpp's source that the libraries are made of. */
export const SOURCES = ["CMakeLists.txt", "LICENSE", "cmake", "ggml", "include", "licenses", "src", "vendor"];
/** Building it builds ggml and all its backends. */
export const TARGET = "llama";

/**
 * The CMake cache entries for CMakeLists.txt beside this file.
 *
 * @param {{ backend: string, native: boolean, rpc: boolean }} build
 * @param {{ os: string, arch: string, vulkanSdk?: string | undefined }} machine
 * @returns {Record<string, string>} cache entries
 */
export function cmakeEntries({ backend, native, rpc }, { os, arch, vulkanSdk }) {
  const on = (condition) => (condition ? "ON" : "OFF");
  return {
    GGML_CUDA: on(backend === "cuda"),
    GGML_VULKAN: on(backend === "vulkan"),
    GGML_METAL: on(backend === "metal"),
    GGML_RPC: on(rpc),
    // On by default on macOS. The addon would unload it, because scores would depend on their batch.
    GGML_BLAS: "OFF",
    GGML_NATIVE: on(native),
    // llama.cpp cannot have both: libraries loaded at run time are chosen by processor features.
    GGML_BACKEND_DL: on(!native),
    GGML_CPU_ALL_VARIANTS: on(!native && hasVariants(os, arch)),
    // Newer headers than the system's are found there, below include and share/cmake.
    ...(backend === "vulkan" && vulkanSdk ? { CMAKE_PREFIX_PATH: vulkanSdk.replaceAll("\\", "/") } : {}),
  };
}

/** Where llama.cpp has CPU variants (ggml/src/CMakeLists.txt). */
function hasVariants(os, arch) {
  return arch === "x64" || (arch === "arm64" && os !== "win32");
}

const LIBRARY = /^(?:lib)?(?:ggml|llama)[\w.-]*\.(?:so|dylib|dll)$/;

/** Whether a file of a build belongs to the runtime. */
export function isRuntimeFile(name) {
  return LIBRARY.test(name);
}
