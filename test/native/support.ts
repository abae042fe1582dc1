/** What the native tests share: one small converted model, load options, and sequences that differ. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { convertCheckpoint } from "../../src/convert/convert.ts";
import type { QuantizeRows } from "../../src/convert/options.ts";
import { tensorTypeByName } from "../../src/gguf/types.ts";
import type { LoadOptions, NativeAddon, NativeModel } from "../../src/native/addon.ts";
import { loadAddon } from "../../src/native/load-addon.ts";
import { findRuntime } from "../../src/native/runtime-folder.ts";
import { packageRoot } from "../../src/package-info.ts";
import { randomOf } from "../random.ts";
import { baseLoadOptions } from "./load-options.mjs";

export const folder = mkdtempSync(join(tmpdir(), "starling-rm-native-"));
export const removeFolder = () => rmSync(folder, { recursive: true, force: true });

/** Hidden dimensions of the checkpoint below. */
const WIDTH = 256;
const checkpoint = join(packageRoot(), "test", "fixtures", "checkpoints", "gqa4-bf16-sharded");

const head = { weight: Float32Array.from({ length: WIDTH }, (_, i) => Math.sin(i * 1.7) * 0.2) };

export async function openAddon(): Promise<NativeAddon> {
  const addon = loadAddon();
  await addon.openRuntime(findRuntime("cpu"));
  return addon;
}

/** What makes quantised tensors of a conversion. */
export const rowQuantizer =
  (addon: NativeAddon): QuantizeRows =>
  ({ from, to, rowLength, rows }) =>
    addon.quantizeRows({ from: tensorTypeByName(from).id, to: to.id, rowLength, threads: 2 }, rows);

/** A GGUF of the checkpoint, made once per test file. */
export async function makeModel(addon: NativeAddon, type = "f16"): Promise<string> {
  const output = join(folder, `${type}.gguf`);
  await convertCheckpoint({
    checkpoint,
    output,
    type,
    overwrite: true,
    quantizeRows: rowQuantizer(addon),
  });
  return output;
}

export function loadOptions(path: string, changes: Partial<LoadOptions> = {}): LoadOptions {
  return {
    ...baseLoadOptions,
    path,
    head,
    ...changes,
  };
}

export const load = (addon: NativeAddon, path: string, changes?: Partial<LoadOptions>): Promise<NativeModel> =>
  addon.loadModel(loadOptions(path, changes)).promise;

/** `length` ids that depend on `seed` alone. Ids below 3 are special ones. */
export function sequence(length: number, seed: number, vocabulary = 300): Int32Array {
  const random = randomOf(seed);
  return Int32Array.from({ length }, () => 3 + random(vocabulary - 3));
}

export const errorOf = (promise: Promise<unknown>): Promise<Error & { code?: string }> =>
  promise.then(
    () => {
      throw new Error("the promise was fulfilled");
    },
    (error) => error,
  );

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

export interface ChildResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const CHILD = fileURLToPath(new URL("child.mjs", import.meta.url));

/** Runs one scenario of a script in a process of its own, so that an abort of llama.cpp is seen as a failure. */
export function runChild(scenario: string, parameters: Record<string, unknown> = {}, script = CHILD): ChildResult {
  const setup = {
    addon: join(packageRoot(), "build", "Release", "starling_rm.node"),
    libraries: findRuntime("cpu"),
    load: { ...loadOptions(""), head: { weight: Array.from(head.weight) } },
    ...parameters,
  };
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", script, scenario], {
    input: JSON.stringify(setup),
    encoding: "utf8",
    timeout: 200_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return { status, signal, stdout, stderr };
}

/** One sequence of several. */
export function joined(...parts: readonly Int32Array[]): Int32Array {
  return Int32Array.from(parts.flatMap((part) => [...part]));
}
