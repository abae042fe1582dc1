// Which runtime and devices the backend has here; or why it has none.
import { basename } from "node:path";
import { openEngine } from "../../dist/src/native/engine.js";
import { gpuSign } from "../../dist/src/native/gpu-signs.js";
import { findRuntime, RUNTIME_VARIABLE } from "../../dist/src/native/runtime-folder.js";

export async function run({ gpu }) {
  const backend = gpu === "off" ? "cpu" : gpu;
  // Throws, naming the package, where the runtime is not installed.
  const { folder, fallbackBackends = [] } = findRuntime(backend);
  const { missing } = gpu === "cuda" ? gpuSign(gpu) : {};
  if (missing !== undefined) throw new Error(`There is no CUDA device here: ${missing}.`);
  const notes = [];
  if (gpu === "cuda" && fallbackBackends.length === 0 && !process.env[RUNTIME_VARIABLE])
    notes.push(
      `Drivers older than CUDA 13 would need the package @node-llama-cpp/${basename(folder)}-ext, which is not here.`,
    );
  try {
    const { runtimeInfo } = await openEngine({ gpu });
    const { version, devices } = runtimeInfo;
    return { folder, fallbackBackends, version, devices, notes };
  } catch (error) {
    throw new Error([error.message, ...notes].join(" "), { cause: error });
  }
}
