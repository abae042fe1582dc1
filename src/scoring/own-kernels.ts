/** Which weights of a model our own prefill kernels multiply: those that they multiply rightly, and faster than llama.cpp's. */
import type { KernelFinding, PrefillWeights } from "../native/addon.ts";
import { LIMIT_VARIABLE } from "../native/prefill-kernels.ts";
import {
  attentionOf,
  type CheckKernels,
  findOnce,
  type KernelQuestion,
  keysAndValuesOf,
  weightsOf,
} from "./kernel-findings.ts";
import type { KernelInfo } from "./model-info.ts";

export interface OwnKernels {
  /** Weights that our own kernels multiply; llama.cpp's multiply the others. */
  readonly prefillWeights: readonly PrefillWeights[];
  /** Whether our own kernel computes attention. */
  readonly prefillAttention: boolean;
  /** Why our own kernels compute nothing, half a sentence; absent where they do. */
  readonly prefillReason?: string;
  /** Indices of the samples that they multiply. */
  readonly taken: ReadonlySet<number>;
  readonly kernels: readonly KernelInfo[];
  /** What is wrong with kernels that are therefore not used: sentences. */
  readonly reasons: readonly string[];
}

/**
 * Measured once and remembered, so that the choice, and with it a score's last digits, does not change from one load to the next.
 * What gains less than this is noise.
 */
const LEAST_GAIN = 1.1;
export const OWN_KERNELS_OFF = 'the option kernels is "off"';
const SOFT_CAPPED = "Our own kernel does not compute attention: this model's attention scores are soft-capped.";
/** How `info` calls them, beside llama.cpp's "CPU_REPACK" and others. */
const PREFIX = "starling ";

export const noOwnKernels = (prefillReason: string): OwnKernels => ({
  prefillWeights: [],
  prefillAttention: false,
  prefillReason,
  taken: new Set(),
  kernels: [],
  reasons: [],
});

/** @param check runs in a child process; or why they are not wanted or not possible, half a sentence */
export async function planOwnKernels(
  question: KernelQuestion,
  check: CheckKernels | string,
  folder: string,
): Promise<OwnKernels> {
  if (typeof check === "string") return noOwnKernels(check);
  const { samples, plan, shape, softCapped } = question;
  // Scores at the end of padding need masks that a flash attention does not keep; ours has no soft cap.
  const attention = plan.paddingToken < 0 && !softCapped ? [attentionOf(question)] : [];
  let findings: readonly KernelFinding[];
  try {
    findings = await findOnce(question, attention, { repacked: true, prefill: true }, check, folder);
  } catch (error) {
    return noOwnKernels(`they could not be tried: ${error instanceof Error ? error.message : String(error)}`);
  }
  const groups = new Map<string, number[]>();
  samples.forEach(({ type, columns }, i) => {
    groups.set(`${type} ${columns}`, [...(groups.get(`${type} ${columns}`) ?? []), i]);
  });
  // Forced, for tests and benchmarks.
  const least = (process.env[LIMIT_VARIABLE] ?? "") === "" ? LEAST_GAIN : 0;
  const isGood = ({ buffer, problem, multiple, gain = 0 }: KernelFinding) =>
    buffer !== "" && problem === undefined && multiple === 1 && gain >= least;
  // Weights are told apart by type and columns: one kernel must be right for all of a group.
  const isTaken = (group: readonly number[]) => {
    const found = group.map((i) => findings[i] as KernelFinding);
    return found.every((finding) => isGood(finding) && finding.buffer === found[0]?.buffer);
  };
  const taken = [...groups.values()].filter(isTaken);
  const attended = findings[samples.length];
  const prefillAttention = attended !== undefined && attended.problem === undefined && attended.multiple === 1;
  const multiplied = [...samples.map(weightsOf), ...attention.map(() => keysAndValuesOf(question))];
  const own = {
    prefillWeights: taken.map(([first = 0]) => {
      const { type, columns } = samples[first] as (typeof samples)[number];
      return { type, columns, kernel: (findings[first] as KernelFinding).buffer };
    }),
    prefillAttention,
    taken: new Set(taken.flat()),
    kernels: [
      ...taken.map((group) => kernelInfo(question, group, findings)),
      ...(prefillAttention ? [{ type: "attention", columns: shape.headDim, kernel: PREFIX + attended.buffer }] : []),
    ],
    reasons: [
      ...(softCapped ? [SOFT_CAPPED] : []),
      ...findings.flatMap(({ buffer, problem }, i) =>
        problem === undefined
          ? []
          : [`Our own kernel ${buffer} is not used: its products of ${multiplied[i]} ${problem}.`],
      ),
    ],
  };
  if (own.taken.size > 0 || prefillAttention) return own;
  const found = findings.slice(0, samples.length);
  if (found.every(({ buffer }) => buffer === ""))
    return { ...own, prefillReason: "they take none of the model's weight types" };
  const areRight = found.every(
    ({ problem, buffer, multiple }) => problem === undefined && (buffer === "" || multiple === 1),
  );
  return {
    ...own,
    prefillReason: areRight
      ? "they are not faster than llama.cpp's for these weights"
      : "they do not multiply these weights rightly",
  };
}

/** The gain of a group is that of its slowest shape. */
function kernelInfo(
  { samples }: KernelQuestion,
  group: readonly number[],
  findings: readonly KernelFinding[],
): KernelInfo {
  const [first = 0] = group;
  const { typeName, columns } = samples[first] as (typeof samples)[number];
  const gain = Math.min(...group.map((i) => (findings[i] as KernelFinding).gain ?? 1));
  const kernel = PREFIX + (findings[first] as KernelFinding).buffer;
  return { type: typeName, columns, kernel, gain: Math.round(gain * 100) / 100 };
}
