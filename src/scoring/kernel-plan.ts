/**
 * Checks whether the opened CPU library multiplies this model's weights correctly, and to the same bits in any batch. Each
 * library is tested: that it was right for other shapes, or on another processor, proves nothing.
 */
import { basename, join, toNamespacedPath } from "node:path";
import { defaultCacheFolder } from "../cache-folder.ts";
import { NativeError } from "../errors.ts";
import { cacheKey, fileIdentity, JsonCache } from "../files/json-cache.ts";
import type { AttentionSample, KernelCheckOptions, KernelFinding, RuntimeInfo } from "../native/addon.ts";
import { processorIdentity } from "../native/machine.ts";
import { LLAMA_VERSION, RUNTIME_VARIABLE } from "../native/runtime-folder.ts";
import type { TrunkShape } from "../trunk/shape.ts";
import type { LoadPlan } from "./load-plan.ts";
import type { KernelInfo } from "./model-info.ts";
import type { NamedSample } from "./weight-samples.ts";

export interface KernelPlan {
  /** Whether the library may repack weights for kernels of its own. */
  readonly repacked: boolean;
  /** Tokens by which decodes are filled up in exact mode. */
  readonly rowMultiple: number;
  /** Whether that makes every product the same to the last bit in any batch. */
  readonly exact: boolean;
  /** Of the weights that the CPU multiplies; empty where it multiplies none. */
  readonly kernels: readonly KernelInfo[];
  /** Why we do not use what llama.cpp would choose, or promise less than usual: sentences. */
  readonly reasons: readonly string[];
}

/** How the check runs: in this process, or in a child process. */
export type CheckKernels = (options: KernelCheckOptions) => Promise<readonly KernelFinding[]>;

export interface KernelQuestion {
  readonly path: string;
  readonly samples: readonly NamedSample[];
  readonly plan: Pick<LoadPlan, "soloThreads" | "batchMode" | "gpuLayers" | "kvType">;
  /** Of the whole model. */
  readonly shape: Pick<TrunkShape, "layers" | "heads" | "keyValueHeads" | "headDim">;
  /** The library, and what it says that it uses. */
  readonly runtime: Partial<Pick<RuntimeInfo, "cpuLibrary" | "cpuFeatures">>;
}

/** Raised when the check changes: earlier findings are then ignored. */
const FORMAT = 2;
/** A few runtimes and models, before and after a few updates. */
const MAX_FINDINGS = 64;
/** What every library measured so far keeps to on x86-64; also where the CPU multiplies nothing. */
const USUAL_MULTIPLE = 4;
/** ggml_type. */
const CACHE_TYPES = { f32: 0, f16: 1 } as const;

/**
 * @param folder where findings are kept, by library and shapes
 * @throws NativeError ERR_RUNTIME_UNUSABLE if the library multiplies these weights wrongly with every kernel
 */
export async function planKernels(
  question: KernelQuestion,
  check: CheckKernels,
  folder: string = join(defaultCacheFolder(), "kernels"),
): Promise<KernelPlan> {
  const { samples, plan, shape } = question;
  const onProcessor = plan.gpuLayers === 0 || (plan.gpuLayers > 0 && plan.gpuLayers <= shape.layers);
  if (!onProcessor || samples.length === 0)
    return { repacked: true, rowMultiple: USUAL_MULTIPLE, exact: true, kernels: [], reasons: [] };
  const find = (repacked: boolean) => findOnce(question, repacked, check, folder);
  const exact = plan.batchMode === "exact";
  const isGood = ({ problem, multiple }: KernelFinding) => problem === undefined && (multiple > 0 || !exact);

  const preferred = await find(true);
  if (preferred.every(isGood)) return planOf(true, samples, preferred, []);
  const plain = await find(false);
  const multiplied = [...samples.map(weightsOf), ...attentionOf(question).map(() => keysAndValuesOf(question))];
  const wrong = plain.findIndex(({ problem }) => problem !== undefined);
  if (wrong >= 0) throw unusable(question, multiplied[wrong] as string, plain[wrong] as KernelFinding);
  // Neither is exact: use the faster one, if it is right.
  const repacked = !plain.every(isGood) && preferred.every(({ problem }) => problem === undefined);
  const findings = repacked ? preferred : plain;
  const reasons = multiplied.flatMap((what, i) => {
    const [before, now] = [preferred[i] as KernelFinding, findings[i] as KernelFinding];
    const passedOver =
      repacked || isGood(before) || before.buffer === now.buffer ? [] : [notUsed(question, what, before)];
    return [...passedOver, ...(isGood(now) ? [] : [notExact(question, what)])];
  });
  return planOf(repacked, samples, findings, reasons);
}

/** The products with keys and values; with flash attention nothing is promised. */
function attentionOf({ plan, shape }: KernelQuestion): AttentionSample[] {
  if (plan.batchMode !== "exact") return [];
  const { headDim: headLength, heads, keyValueHeads } = shape;
  return [{ type: CACHE_TYPES[plan.kvType], headLength, heads, keyValueHeads }];
}

function planOf(
  repacked: boolean,
  samples: readonly NamedSample[],
  findings: readonly KernelFinding[],
  reasons: readonly string[],
): KernelPlan {
  const kernels = samples.map(({ typeName, columns }, i) => ({
    type: typeName,
    columns,
    kernel: findings[i]?.buffer ?? "",
  }));
  // Shapes that differ only in their number of rows are one entry.
  const distinct = new Map(kernels.map((kernel) => [Object.values(kernel).join(" "), kernel]));
  const multiples = findings.map(({ multiple }) => (multiple > 0 ? multiple : USUAL_MULTIPLE));
  const exact = findings.every(({ multiple }) => multiple > 0);
  return { repacked, rowMultiple: Math.max(...multiples), exact, kernels: [...distinct.values()], reasons };
}

async function findOnce(
  question: KernelQuestion,
  repacked: boolean,
  check: CheckKernels,
  folder: string,
): Promise<readonly KernelFinding[]> {
  const { path, samples, plan, runtime } = question;
  // The most that multiply at once: context workers have as many or fewer.
  const threads = plan.soloThreads;
  const asked = samples.map(({ type, columns, rows, position }) => ({ type, columns, rows, position }));
  const attention = attentionOf(question);
  const options = { path: toNamespacedPath(path), samples: asked, attention, threads, repacked };
  const { cpuLibrary, cpuFeatures = [] } = runtime;
  // A library without an identity is checked each time.
  if (cpuLibrary === undefined) return check(options);
  const shapes = samples.map(({ type, columns, rows }) => [type, columns, rows]);
  // What the library says is what it sees: an emulator may show another processor to it than to us.
  const where = [fileIdentity(cpuLibrary), cpuFeatures, processorIdentity()];
  const parts = [FORMAT, ...where, shapes, attention, threads, repacked];
  // The weights of a damaged file may be wrong: cache such a finding only for that file.
  const [anyFile, thisFile] = [cacheKey(parts), cacheKey([...parts, fileIdentity(path)])];
  const cache = new JsonCache(folder, MAX_FINDINGS);
  for (const key of [anyFile, thisFile]) {
    const known = (cache.read(key) as { result?: unknown } | undefined)?.result;
    if (areKernelFindings(known, samples.length + attention.length)) return known;
  }
  const findings = await check(options);
  const isGood = findings.every(({ problem, multiple }) => problem === undefined && multiple > 0);
  cache.write(isGood ? anyFile : thisFile, { time: Date.now(), result: findings });
  return findings;
}

function areKernelFindings(value: unknown, count: number): value is KernelFinding[] {
  if (!Array.isArray(value) || value.length !== count) return false;
  return value.every((entry: unknown) => {
    const { buffer, problem, multiple } = (entry ?? {}) as Record<string, unknown>;
    const hasText = problem === undefined || typeof problem === "string";
    return typeof buffer === "string" && hasText && [0, 4, 8, 16, 32].includes(multiple as number);
  });
}

function libraryName({ runtime }: KernelQuestion): string {
  return runtime.cpuLibrary === undefined ? "llama.cpp's CPU library" : basename(runtime.cpuLibrary);
}

function weightsOf({ typeName, columns }: NamedSample): string {
  return `${typeName} weights in rows of ${columns} values`;
}

function keysAndValuesOf({ plan, shape }: KernelQuestion): string {
  return `${plan.kvType} keys and values in heads of ${shape.headDim} values`;
}

function notUsed(question: KernelQuestion, what: string, { buffer, problem }: KernelFinding): string {
  const why =
    problem === undefined ? `results for ${what} would change with the batch` : `its products of ${what} ${problem}`;
  return `The kernel ${buffer} of ${libraryName(question)} is not used: ${why}.`;
}

function notExact(question: KernelQuestion, what: string): string {
  return (
    `Scores may change in their last digits with the batch: ${libraryName(question)} has no kernel whose ` +
    `results for ${what} are the same in every batch.`
  );
}

function unusable(question: KernelQuestion, what: string, { problem }: KernelFinding): NativeError {
  return new NativeError(
    "ERR_RUNTIME_UNUSABLE",
    `${question.path} cannot be scored on this CPU: ${libraryName(question)} multiplies ${what} wrongly (its ` +
      `products ${problem}), or the file is damaged. Check the file, use another weight type, or set ${RUNTIME_VARIABLE} to ` +
      `your own build of llama.cpp ${LLAMA_VERSION}.`,
    { file: question.path },
  );
}
