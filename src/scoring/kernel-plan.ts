/**
 * Checks whether the opened CPU library multiplies this model's weights correctly, and to the same bits in any batch. Each
 * library is tested: that it was right for other shapes, or on another processor, proves nothing.
 */
import { basename, join } from "node:path";
import { defaultCacheFolder } from "../cache-folder.ts";
import { NativeError } from "../errors.ts";
import type { AttentionSample, KernelFinding } from "../native/addon.ts";
import { LLAMA_VERSION, RUNTIME_VARIABLE } from "../native/runtime-folder.ts";
import {
  attentionOf,
  type CheckKernels,
  findOnce,
  type KernelQuestion,
  keysAndValuesOf,
  weightsOf,
} from "./kernel-findings.ts";
import type { KernelInfo } from "./model-info.ts";
import { type OwnKernels, planOwnKernels } from "./own-kernels.ts";
import type { NamedSample } from "./weight-samples.ts";

interface StockKernels {
  /** Whether the library may repack weights for kernels of its own. */
  readonly repacked: boolean;
  /** In exact mode every decode is padded to a multiple of this many tokens. */
  readonly rowMultiple: number;
  /** Whether that makes every product the same to the last bit in any batch. */
  readonly exact: boolean;
  /** Of the weights that the CPU multiplies; empty where it multiplies none. */
  readonly kernels: readonly KernelInfo[];
  /** What is wrong with kernels that are therefore not used, or why we promise less than usual: sentences. */
  readonly reasons: readonly string[];
}

export interface KernelPlan
  extends StockKernels,
    Pick<OwnKernels, "prefillWeights" | "prefillAttention" | "prefillReason"> {}

/** How kernels are checked. */
export interface KernelChecks {
  /** llama.cpp's. */
  readonly stock: CheckKernels;
  /** Our own, in a child process; or why they are not wanted or not possible, half a sentence. */
  readonly own: CheckKernels | string;
}

/** What every library measured so far keeps to on x86-64; also where the CPU multiplies nothing. */
const USUAL_MULTIPLE = 4;

/**
 * @param folder where findings are kept, by library and shapes
 * @throws NativeError ERR_RUNTIME_UNUSABLE if the library multiplies these weights wrongly with every kernel
 */
export async function planKernels(
  question: KernelQuestion,
  checks: KernelChecks,
  folder: string = join(defaultCacheFolder(), "kernels"),
): Promise<KernelPlan> {
  const { samples, plan, shape } = question;
  const onProcessor = plan.gpuLayers === 0 || (plan.gpuLayers > 0 && plan.gpuLayers <= shape.layers);
  if (!onProcessor || samples.length === 0)
    return {
      prefillWeights: [],
      prefillAttention: false,
      ...{ repacked: true, rowMultiple: USUAL_MULTIPLE, exact: true, kernels: [], reasons: [] },
    };
  const onGpu = plan.gpuLayers === 0 ? checks.own : "they compute only models that are all on the CPU";
  const own = await planOwnKernels(question, onGpu, folder);
  const rest = samples.filter((_, i) => !own.taken.has(i));
  const attention = own.prefillAttention ? [] : stockAttention(question);
  const stock = await planStock({ ...question, samples: rest }, attention, checks.stock, folder);
  const { taken: _taken, kernels, reasons, ...chosen } = own;
  return {
    ...chosen,
    ...stock,
    kernels: distinct([...kernels, ...stock.kernels]),
    reasons: [...reasons, ...stock.reasons],
  };
}

async function planStock(
  question: KernelQuestion,
  attention: readonly AttentionSample[],
  check: CheckKernels,
  folder: string,
): Promise<StockKernels> {
  const { samples, plan } = question;
  // Our own kernels compute everything, and each of their rows is independent of the others.
  if (samples.length + attention.length === 0)
    return { repacked: true, rowMultiple: 1, exact: true, kernels: [], reasons: [] };
  const find = (repacked: boolean) => findOnce(question, attention, { repacked, prefill: false }, check, folder);
  const exact = plan.batchMode === "exact";
  const isGood = ({ problem, multiple }: KernelFinding) => problem === undefined && (multiple > 0 || !exact);

  const preferred = await find(true);
  if (preferred.every(isGood)) return planOf(true, samples, preferred, []);
  const plain = await find(false);
  const multiplied = [...samples.map(weightsOf), ...attention.map(() => keysAndValuesOf(question))];
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

/** The products with keys and values; with llama.cpp's flash attention nothing is promised. */
function stockAttention(question: KernelQuestion): AttentionSample[] {
  return question.plan.batchMode === "exact" ? [attentionOf(question)] : [];
}

function planOf(
  repacked: boolean,
  samples: readonly NamedSample[],
  findings: readonly KernelFinding[],
  reasons: readonly string[],
): StockKernels {
  const kernels = samples.map(({ typeName, columns }, i) => ({
    type: typeName,
    columns,
    kernel: findings[i]?.buffer ?? "",
  }));
  const multiples = findings.map(({ multiple }) => (multiple > 0 ? multiple : USUAL_MULTIPLE));
  const exact = findings.every(({ multiple }) => multiple > 0);
  return { repacked, rowMultiple: Math.max(...multiples), exact, kernels, reasons };
}

/** Shapes that differ only in their number of rows are one entry. */
function distinct(kernels: readonly KernelInfo[]): KernelInfo[] {
  return [...new Map(kernels.map((kernel) => [`${kernel.type} ${kernel.columns} ${kernel.kernel}`, kernel])).values()];
}

function libraryName({ runtime }: KernelQuestion): string {
  return runtime.cpuLibrary === undefined ? "llama.cpp's CPU library" : basename(runtime.cpuLibrary);
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
