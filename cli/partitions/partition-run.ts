/** What the outputs of a folder depend on, and how two runs differ. */
import { basename } from "node:path";
import { TEXT_OPTIONS } from "../argument-rows.ts";
import type { CommandContext } from "../context.ts";
import { type Manifest, type ModelRecord, modelHash, type PartitionRun, packageVersion } from "../library.ts";
import type { EngineOptions } from "../model-option.ts";
import { progressText } from "../progress-bar.ts";

/**
 * Options that change no output, or are looked at by themselves. Where and how a model runs changes at most its last digits, and a
 * cluster has different machines: manifests record it (`engine`), and {@link unmetDemand} compares what was asked for.
 */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  ...["input", "output", "force", "resume", "shard", "partitions", "list", "check", "benchmarks"],
  ...["threads", "memoryCheck", "mmap", "prefixSharing", "batch", "batchMode", "kernels"],
  ...["gpu", "gpuLayers", "splitMode", "mainDevice"],
  ...["model", "head", "foreignHead", "json", "cache", "limit", "seed", ...TEXT_OPTIONS],
]);

export async function partitionRun(
  command: string,
  options: object & { readonly head?: string; readonly json?: true },
  modelPath: string,
  context: CommandContext,
): Promise<PartitionRun> {
  const settings: Record<string, string> = options.json === true ? { "--format": "json" } : {};
  for (const [name, value] of Object.entries(options))
    if (!WITHOUT_EFFECT.has(name) && value !== undefined) settings[optionName(name)] = settingText(value);
  const { head } = options;
  return {
    command,
    version: packageVersion(),
    model: await modelRecord(modelPath, context),
    ...(head === undefined ? {} : { head: await modelRecord(head, context) }),
    settings,
  };
}

async function modelRecord(path: string, { terminal, signal }: CommandContext): Promise<ModelRecord> {
  const started = performance.now();
  let fraction = 0;
  terminal.showStatus((columns) =>
    progressText({ label: "hashing the model", fraction, seconds: (performance.now() - started) / 1000 }, columns),
  );
  try {
    const onProgress = ({ bytesDone, bytesTotal }: { bytesDone: number; bytesTotal: number }) => {
      fraction = bytesDone / bytesTotal;
      terminal.redrawStatus();
    };
    return { file: basename(path), fingerprint: await modelHash(path, { signal, onProgress }) };
  } finally {
    terminal.endStatus();
  }
}

function optionName(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function settingText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** How an earlier run differs from this one: follows "was written"; undefined where the outputs would be the same. */
export function difference(before: PartitionRun, now: PartitionRun): string | undefined {
  if (before.command !== now.command) return `by \`starling-rm ${before.command}\`, not by \`${now.command}\``;
  if (before.model.fingerprint !== now.model.fingerprint)
    return `with another model, ${modelText(before.model)}; this is ${modelText(now.model)}`;
  if (before.head?.fingerprint !== now.head?.fingerprint) return `${withHead(before.head)}, not ${withHead(now.head)}`;
  if (before.version !== now.version) return `by starling-rm ${before.version}; this is ${now.version}`;
  const names = [...new Set([...Object.keys(before.settings), ...Object.keys(now.settings)])].sort();
  const changed = names.find((name) => before.settings[name] !== now.settings[name]);
  if (changed === undefined) return undefined;
  return `${withOption(changed, before.settings[changed])}, not ${withOption(changed, now.settings[changed])}`;
}

const SHOWN_DIGITS = 12;

export function modelText({ file, fingerprint }: ModelRecord): string {
  return `${file} (SHA-256 ${fingerprint.slice(0, SHOWN_DIGITS)}…)`;
}

function withHead(head: ModelRecord | undefined): string {
  return head === undefined ? "without --head" : `with the head ${modelText(head)}`;
}

function withOption(name: string, value: string | undefined): string {
  if (value === undefined) return `without ${name}`;
  const shown = value.startsWith("[") ? (JSON.parse(value) as string[]).join(" ") : value;
  return value === "true" ? `with ${name}` : `with ${name} ${shown}`;
}

/** What was asked for and an output does not have, as {@link difference}: exact scores, or those of llama.cpp's kernels. */
export function unmetDemand({ engine }: Manifest, { batchMode, kernels }: EngineOptions): string | undefined {
  if (batchMode === "exact" && engine.batchMode !== "exact") return "in packed mode, not with --batch-mode exact";
  if (kernels === "off" && engine.ownKernels) return "with kernels of our own, not with --kernels off";
  return undefined;
}
