/**
 * Every llama.cpp CPU library that this machine can run, each in a runtime folder of its own: what holds for the best one need
 * not hold for another.
 */
import { mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { probeRuntime } from "../src/native/probe.ts";
import { findRuntime, librariesIn } from "../src/native/runtime-folder.ts";

const VARIANT = /^(?:lib)?ggml-cpu-(.+)\.(?:so|dll|dylib)$/;

export interface Variant {
  /** For example "haswell". */
  readonly name: string;
  readonly folder: string;
  /** Why this machine cannot run it; absent where it can. */
  readonly problem?: string;
}

/** A folder with the runtime's libraries, but of the CPU's only `cpuLibrary`. */
export function runtimeWith(cpuLibrary: string, folder: string): string {
  const runtime = findRuntime("cpu").folder;
  mkdirSync(folder, { recursive: true });
  const others = readdirSync(runtime).filter((name) => !name.includes("ggml-cpu"));
  for (const path of [...others.map((name) => join(runtime, name)), cpuLibrary])
    if (statSync(path).isFile()) symlinkSync(path, join(folder, basename(path)));
  return folder;
}

/** All variants of the installed runtime. Each is opened in a process of its own. */
export async function allVariants(folder: string): Promise<Variant[]> {
  const runtime = findRuntime("cpu").folder;
  const variants: Variant[] = [];
  for (const file of readdirSync(runtime)) {
    const name = VARIANT.exec(file)?.[1];
    if (name === undefined) continue;
    const own = runtimeWith(join(runtime, file), join(folder, name));
    const { opened, problem } = await probeRuntime(librariesIn(own));
    variants.push({ name, folder: own, ...(opened ? {} : { problem: problem ?? "it does not open" }) });
  }
  return variants;
}
