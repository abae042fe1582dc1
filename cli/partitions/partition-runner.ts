/** One partition after another: which are left, who holds them, and what became of them. */
import { isStarlingError } from "../../src/index.ts";
import type { CommandContext } from "../context.ts";
import { ClosedPipe, failureText, UnfitForModel, UsageError } from "../errors.ts";
import {
  isDiskFull,
  isSameContent,
  type LockHolder,
  MANIFEST_FORMAT,
  type Manifest,
  PartitionClaim,
  type PartitionRun,
  type PartitionState,
  type PlacedPartition,
  recordFile,
} from "../library.ts";
import type { EngineOptions } from "../model-option.ts";
import { difference, unmetDemand } from "./partition-run.ts";
import type { Base, PartitionWork } from "./partition-work.ts";
import type { Plan } from "./plan.ts";

export type PartitionOutcome =
  | { readonly status: "written" | "kept"; readonly manifest: Manifest }
  | { readonly status: "held"; readonly holder: Partial<LockHolder> }
  | { readonly status: "failed"; readonly code: string; readonly message: string };

export interface RunnerOptions extends EngineOptions {
  readonly force?: true;
}

export class PartitionRunner {
  readonly #plan: Plan;
  readonly #run: PartitionRun;
  readonly #work: PartitionWork;
  readonly #options: RunnerOptions;
  readonly #context: CommandContext;

  constructor(plan: Plan, run: PartitionRun, work: PartitionWork, options: RunnerOptions, context: CommandContext) {
    this.#plan = plan;
    this.#run = run;
    this.#work = work;
    this.#options = options;
    this.#context = context;
  }

  /**
   * What there is of a partition.
   *
   * @returns `state`: absent where a file cannot be read; `mismatch`: why it may not stay as it is, as a sentence
   * @throws the signal's reason
   */
  async look(partition: PlacedPartition): Promise<{ readonly state?: PartitionState; readonly mismatch?: string }> {
    const { signal } = this.#context;
    signal.throwIfAborted();
    const state = await this.#plan.folder.stateOf(partition, { signal }).catch(() => signal.throwIfAborted());
    if (state === undefined) return {};
    const mismatch = this.#mismatch(partition, state);
    return mismatch === undefined ? { state } : { state, mismatch };
  }

  #mismatch(partition: PlacedPartition, state: PartitionState): string | undefined {
    const path = this.#plan.folder.outputPath(partition);
    if (state.status === "newer") return `${path}: ${state.reason}`;
    if (state.status !== "whole" && state.status !== "changed") return undefined;
    const { manifest } = state;
    const other = difference(manifest, this.#run) ?? unmetDemand(manifest, this.#options);
    if (other !== undefined) return `${path} was written ${other}`;
    return state.status === "changed"
      ? `${path} was written from another version of ${partition.file}, which has changed since`
      : undefined;
  }

  /** @throws TakenOver where another run took the folder over */
  async #checkRun(): Promise<void> {
    const { folder } = this.#plan;
    const now = await folder.run();
    const other = now === undefined || now === null ? undefined : difference(now, this.#run);
    if (other !== undefined)
      throw new TakenOver(
        `${folder.path} now belongs to a run that was started ${other}; choose another --output folder`,
      );
  }

  /**
   * Does a partition, unless it is whole already.
   *
   * @throws what ends the whole run: a signal's reason, a failure of the model, a full disk, another run that took the folder over
   */
  async do(partition: PlacedPartition, base: Base, onRows: (rows: number) => void): Promise<PartitionOutcome> {
    let claim: PartitionClaim | Partial<LockHolder> | undefined;
    try {
      claim = await this.#plan.folder.claim(partition, this.#context.signal);
      if (!(claim instanceof PartitionClaim)) return { status: "held", holder: claim };
      await this.#checkRun();
      const { state, mismatch } = await this.look(partition);
      if (mismatch !== undefined && this.#options.force !== true)
        throw new UsageError(`${mismatch}; --force replaces it`);
      if (state?.status === "whole" && mismatch === undefined) return { status: "kept", manifest: state.manifest };
      return await this.#write(partition, claim, base, onRows);
    } catch (error) {
      if (claim instanceof PartitionClaim && (await claim.wasTaken())) return { status: "held", holder: {} };
      this.#context.signal.throwIfAborted();
      if (isFatal(error)) throw error;
      const message = failureText(error).split("\n").join(" ");
      return { status: "failed", code: isStarlingError(error) ? error.code : "ERR_INVALID_ARGUMENT", message };
    } finally {
      if (claim instanceof PartitionClaim) await claim.release();
    }
  }

  async #write(
    partition: PlacedPartition,
    claim: PartitionClaim,
    base: Base,
    onRows: (rows: number) => void,
  ): Promise<PartitionOutcome> {
    const started = performance.now();
    const before = await recordFile(partition.path, this.#context.signal);
    let written: Manifest | undefined;
    await this.#work.run({ partition, claim, base, onRows }, async (publish, { engine, evaluation, ...counts }) => {
      if (!(await isSameContent(partition.path, before, this.#context.signal)))
        throw new UsageError(`${partition.file} changed while it was read`);
      await publish((output) => {
        written = {
          ...{ format: MANIFEST_FORMAT, partition: partition.name, ...this.#run, ...counts },
          input: { name: partition.file, ...before },
          ...{ output, engine },
          seconds: Math.round(performance.now() - started) / 1000,
          finished: new Date().toISOString(),
          ...(evaluation === undefined ? {} : { evaluation }),
        };
        return written;
      }, partition.output);
    });
    if (written === undefined) throw new RangeError(`${partition.file} was not written.`);
    // A process that was stopped for longer than a lock lasts may have been overtaken.
    const isOurs = await isSameContent(this.#plan.folder.outputPath(partition), written.output, this.#context.signal);
    return isOurs ? { status: "written", manifest: written } : { status: "held", holder: {} };
  }
}

/** The folder is another run's now. */
class TakenOver extends UsageError {}

/** What would happen to every other partition, too. */
function isFatal(error: unknown): boolean {
  if (error instanceof ClosedPipe || error instanceof UnfitForModel || error instanceof TakenOver) return true;
  if (error instanceof UsageError) return false;
  if (!isStarlingError(error)) return true;
  return OF_THE_MODEL.has(error.code) || isDiskFull(error.cause);
}

const OF_THE_MODEL: ReadonlySet<string> = new Set([
  ...[
    "ERR_MODEL_CHANGED",
    "ERR_MODEL_CLOSED",
    "ERR_MODEL_LOAD",
    "ERR_OUT_OF_MEMORY",
    "ERR_EVALUATION",
    "ERR_DISK_FULL",
  ],
  ...["ERR_INVALID_GGUF", "ERR_NO_REWARD_HEAD", "ERR_WRONG_HEAD", "ERR_ADDON_NOT_BUILT", "ERR_RUNTIME_NOT_FOUND"],
  ...["ERR_RUNTIME_UNUSABLE"],
]);
