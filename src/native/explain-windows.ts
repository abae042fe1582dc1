/** Explains what Windows' loader says. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cudaAdvice } from "./runtime-folder.ts";

/** Of Microsoft's Visual C++ runtime, which the prebuilt libraries need and neither Windows nor Node installs. */
const NEEDED = ["msvcp140.dll", "vcruntime140.dll"];
/** Windows names no missing file; the text is that of native/support/shared_library.cpp. */
const NOT_FOUND = /\.dll could not be opened: the file or one of its dependencies was not found/;

/** Its package has none of NVIDIA's own libraries. */
const CUDA = /ggml-cuda\.dll could not be opened/;

/**
 * @param reason what the addon said
 * @returns sentences; undefined where the reason is another one
 */
export function explainOnWindows(
  reason: string,
  arch: string = process.arch,
  isInstalled: (library: string) => boolean = isInSystem,
): string | undefined {
  if (!NOT_FOUND.test(reason)) return undefined;
  const missing = NEEDED.filter((name) => !isInstalled(name));
  if (missing.length === 0)
    return CUDA.test(reason)
      ? `it needs a library of CUDA 13, such as cublas64_13.dll, which was not found. ${cudaAdvice()}`
      : undefined;
  return (
    `it needs Microsoft's Visual C++ runtime, which is not installed (${missing.join(", ")}). ` +
    `Run \`winget install Microsoft.VCRedist.2015+.${arch}\`, or https://aka.ms/vs/17/release/vc_redist.${arch}.exe.`
  );
}

function isInSystem(library: string): boolean {
  return existsSync(join(process.env["SystemRoot"] ?? "C:\\Windows", "System32", library));
}
