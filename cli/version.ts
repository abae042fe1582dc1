/** `starling-rm --version --json`: what a report of a problem needs. */
import { arch, platform, release } from "node:os";
import { addonPath, LLAMA_VERSION, packageRoot, packageVersion, runtimeFolder } from "./library.ts";

export function versionLine(): string {
  return `${packageVersion()} (llama.cpp ${LLAMA_VERSION})`;
}

/** Nothing is loaded or tried for it: doctor does that. */
export function versionJson(): string {
  const { node, electron, modules, napi } = process.versions;
  return JSON.stringify(
    {
      version: packageVersion(),
      llama: LLAMA_VERSION,
      node,
      ...(electron === undefined ? {} : { electron }),
      napi: Number(napi),
      modules: Number(modules),
      platform: platform(),
      arch: arch(),
      release: release(),
      package: packageRoot(),
      addon: addonPath() ?? null,
      runtime: runtimeFolder() ?? null,
    },
    null,
    2,
  );
}
