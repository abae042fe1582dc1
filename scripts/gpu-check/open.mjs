// Which runtime and devices the backend has here, or what is missing.
import { basename } from "node:path";
import { isStarlingError } from "../../dist/src/index.js";
import { openEngine } from "../../dist/src/native/engine.js";
import { gpuSign } from "../../dist/src/native/gpu-signs.js";
import { findRuntime, RUNTIME_VARIABLE } from "../../dist/src/native/runtime-folder.js";

/** `missing`: there is no runtime package, driver or device. Any other error is thrown. */
export async function run({ gpu }) {
  const notes = [];
  try {
    const { folder, fallbackBackends = [] } = findRuntime(gpu === "off" ? "cpu" : gpu);
    const { missing } = gpu === "cuda" ? gpuSign(gpu) : {};
    if (missing !== undefined) return { missing: `There is no CUDA device here: ${missing}.` };
    if (gpu === "cuda" && fallbackBackends.length === 0 && !process.env[RUNTIME_VARIABLE])
      notes.push(
        `Drivers older than CUDA 13 would need the package @node-llama-cpp/${basename(folder)}-ext, which is not installed.`,
      );
    const { runtimeInfo } = await openEngine({ gpu });
    const { version, devices } = runtimeInfo;
    return { folder, fallbackBackends, version, devices, notes };
  } catch (error) {
    if (!isStarlingError(error) || !error.code.startsWith("ERR_RUNTIME_")) throw error;
    return { missing: [error.message, ...notes].join(" ") };
  }
}
