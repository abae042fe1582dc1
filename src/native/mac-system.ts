/** What macOS says about a Mac, read from sysctl(8) and vm_stat(1). Each reader is a pure function of what they print. */
import { spawnSync } from "node:child_process";

/** By absolute path: the PATH of a program may lack /usr/sbin. */
const SYSCTL = "/usr/sbin/sysctl";
const VM_STAT = "/usr/bin/vm_stat";
/** Both answer within milliseconds. */
const LIMIT_MS = 5_000;

/** What sysctl prints, by name. */
export type Sysctl = ReadonlyMap<string, string>;

/** Lines `name: value`; other lines are ignored. */
export function parseSysctl(text: string): Sysctl {
  return new Map(
    Array.from(text.matchAll(/^([\w.]+): (.*)$/gm), ([, name, value]) => [name as string, value as string]),
  );
}

/** Names, and what is below them. `-i` skips those that this Mac does not know. */
const NAMES = ["hw.optional", "hw.perflevel0", "hw.physicalcpu", "sysctl.proc_translated"];
let known: Sysctl | undefined;

/** Facts about this Mac that stay the same, read once; nothing on other systems. */
export function macSysctl(): Sysctl {
  known ??= process.platform === "darwin" ? parseSysctl(outputOf(SYSCTL, ["-i", ...NAMES])) : new Map();
  return known;
}

/** What vm_stat prints now. */
export function vmStat(): string {
  return outputOf(VM_STAT, []);
}

function outputOf(program: string, args: readonly string[]): string {
  const { stdout } = spawnSync(program, args, { encoding: "utf8", timeout: LIMIT_MS });
  return typeof stdout === "string" ? stdout : "";
}

function numberOf(sysctl: Sysctl, name: string): number | undefined {
  const value = Number(sysctl.get(name) ?? Number.NaN);
  return Number.isSafeInteger(value) ? value : undefined;
}

/**
 * Cores that compute at full speed. Efficiency cores take several times as long, and every operation waits for the slowest
 * thread. llama.cpp takes the same number (`common_cpu_get_num_physical_cores`). Undefined where the system does not say.
 */
export function fastCores(sysctl: Sysctl): number | undefined {
  const cores = numberOf(sysctl, "hw.perflevel0.physicalcpu") ?? numberOf(sysctl, "hw.physicalcpu");
  return cores !== undefined && cores > 0 ? cores : undefined;
}

/** Whether this process was built for Intel and is translated by Rosetta on Apple silicon. */
export function isTranslated(sysctl: Sysctl): boolean {
  return sysctl.get("sysctl.proc_translated") === "1";
}

/** Our names of instruction sets (those of Linux) by what follows `hw.optional.`. */
const FEATURES: ReadonlyMap<string, string> = new Map([
  ["sse4_2", "sse4_2"],
  ["avx1_0", "avx"],
  ["f16c", "f16c"],
  ["fma", "fma"],
  ["bmi2", "bmi2"],
  ["avx2_0", "avx2"],
  ["avx512f", "avx512f"],
  ["avx512bw", "avx512bw"],
  ["avx512vbmi", "avx512_vbmi"],
  // Before macOS 12.
  ["neon_fp16", "asimdhp"],
  ["arm.FEAT_FP16", "asimdhp"],
  ["arm.FEAT_DotProd", "asimddp"],
  ["arm.FEAT_I8MM", "i8mm"],
  ["arm.FEAT_BF16", "bf16"],
  ["arm.FEAT_SME", "sme"],
]);

/** Names of instruction sets, as Linux has them. */
export function macFeatures(sysctl: Sysctl): ReadonlySet<string> {
  const features = new Set<string>();
  for (const [theirs, ours] of FEATURES)
    if (!["0", undefined].includes(sysctl.get(`hw.optional.${theirs}`))) features.add(ours);
  return features;
}

/**
 * Bytes that can be taken without swapping: free pages, and those that hold nothing to be written to the swap file. These are
 * copies of files, in use or not ("File-backed", which includes "speculative"), and "purgeable" ones, whose owners can do
 * without. Or, if that is more, what was not used lately ("inactive"): macOS compresses the rest of it first. Undefined where
 * the text is not vm_stat's.
 *
 * @param text what vm_stat prints; the number of file-backed pages is missing before Mac OS X 10.9
 */
export function availableOnMac(text: string): number | undefined {
  const pageSize = Number(/\(page size of (\d+) bytes\)/.exec(text)?.[1]);
  const pages = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)\\.`, "m").exec(text)?.[1]);
  const free = pages("Pages free");
  if (!Number.isFinite(pageSize * free)) return undefined;
  const counted = (name: string) => pages(name) || 0;
  const idle = counted("Pages inactive") + counted("Pages speculative");
  const clean = counted("File-backed pages") + counted("Pages purgeable");
  return (free + Math.max(idle, clean)) * pageSize;
}
