/** Work that is cut into partitions, from the command line to the exit code. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandContext } from "../context.ts";
import { counted, grouped } from "../counted.ts";
import { EXIT_DONE, EXIT_FATAL, EXIT_ROWS_FAILED, Interrupted, UsageError } from "../errors.ts";
import type { LockHolder, Manifest, PartitionRun, PlacedPartition } from "../library.ts";
import type { EngineOptions } from "../model-option.ts";
import { clock, quantity } from "../progress-bar.ts";
import { difference, partitionRun } from "./partition-run.ts";
import { type PartitionOutcome, PartitionRunner } from "./partition-runner.ts";
import type { PartitionWork } from "./partition-work.ts";
import { type Plan, type PlanOptions, planPartitions } from "./plan.ts";
import { work as serveWork } from "./worker.ts";

export type PartitionedOptions = PlanOptions & EngineOptions & { readonly force?: true; readonly head?: string };

/** How often partitions that others hold are looked at again. */
const POLL_MS = 250;

/** @returns the exit code */
export async function runPartitions(
  work: PartitionWork,
  options: PartitionedOptions,
  modelPath: () => Promise<string>,
  context: CommandContext,
): Promise<number> {
  const plan = await planPartitions(options, (name) => work.outputName(name), context);
  const run = await partitionRun(work.command, options, await modelPath(), context);
  try {
    await claimFolder(plan, run, options.force === true);
    const runner = new PartitionRunner(plan, run, work, options, context);
    if (options.partitions === "-") return await serveWork({ plan, run, runner, work }, context);
    return await doAll(plan, runner, options, context);
  } finally {
    await work.close();
  }
}

/** @throws UsageError where the folder is another run's, or has files that no such run wrote */
async function claimFolder({ folder, all }: Plan, run: PartitionRun, force: boolean): Promise<void> {
  const refused = (reason: string) =>
    new UsageError(`${reason}; choose another --output folder, or --force to replace what is there`);
  const check = (found: PartitionRun | null) => {
    if (found === null) throw refused(`what ${folder.path} is for cannot be read from its file _PARTITIONS`);
    const other = difference(found, run);
    if (other !== undefined) throw refused(`the partitions in ${folder.path} were written ${other}`);
  };
  const before = await folder.run();
  if (before !== undefined && !force) check(before);
  if (before === undefined && !force) {
    const foreign = await folder.firstForeign(all);
    if (foreign !== undefined)
      throw refused(`${foreign} is there, but was not written as a partition (the folder has no _PARTITIONS)`);
  }
  // A folder that is read-only may be whole.
  if (before !== undefined && before !== null && difference(before, run) === undefined) {
    await folder.removeTracesOfRun();
    return;
  }
  const now = await folder.begin(run, force);
  if (!force) check(now);
}

interface Tally {
  readonly outcomes: Map<PlacedPartition, PartitionOutcome>;
  rows: number;
  tokens: number;
  readonly started: number;
}

async function doAll(
  { own, all, folder }: Plan,
  runner: PartitionRunner,
  { force, shard }: PartitionedOptions,
  { terminal, signal }: CommandContext,
): Promise<number> {
  const tally: Tally = { outcomes: new Map(), rows: 0, tokens: 0, started: performance.now() };
  const left: PlacedPartition[] = [];
  const hasTraces = await folder.traces();
  for (const partition of own) {
    const { state, mismatch } = await runner.look(partition);
    if (mismatch !== undefined && force !== true) throw new UsageError(`${mismatch}; --force replaces it`);
    // Claiming it removes what a killed process left there.
    const isKept = state?.status === "whole" && mismatch === undefined && !hasTraces(partition);
    if (isKept) tally.outcomes.set(partition, { status: "kept", manifest: state.manifest });
    else left.push(partition);
  }
  if (own.length < all.length && shard !== undefined)
    terminal.note(`shard ${shard.index} of ${shard.count}: ${own.length} of ${counted(all.length, "partition")}`);
  const bytes = left.reduce((sum, partition) => sum + partition.bytes, 0);
  let bytesDone = 0;
  /** Of the last partition that another process held. */
  let holder: Partial<LockHolder> = {};
  const attempt = async (partition: PlacedPartition): Promise<boolean> => {
    signal.throwIfAborted();
    const place = own.length - left.length + left.indexOf(partition) + 1;
    const part = (own: number) => (bytes === 0 ? 1 : (bytesDone + own * partition.bytes) / bytes);
    const label = `scoring ${place}/${own.length}`;
    const outcome = await runner.do(partition, { ...tally, label, fraction: part }, () => {});
    if (outcome.status === "held") {
      holder = outcome.holder;
      return false;
    }
    tally.outcomes.set(partition, outcome);
    bytesDone += partition.bytes;
    if (outcome.status === "failed") terminal.say(`${partition.name} failed: ${outcome.message}`);
    if (outcome.status !== "written") return true;
    tally.rows += outcome.manifest.rows;
    tally.tokens += outcome.manifest.tokens;
    terminal.note(`${partition.output}: ${rowsOf(outcome.manifest)}`);
    return true;
  };
  try {
    let held: PlacedPartition[] = [];
    for (const partition of left)
      if ((await folder.seemsHeld(partition)) || !(await attempt(partition))) held.push(partition);
    let said = "";
    while (held.length > 0) {
      const still: PlacedPartition[] = [];
      for (const partition of held) if (!(await attempt(partition))) still.push(partition);
      if (still.length === held.length) {
        const waiting = waitingText(held, holder);
        if (waiting !== said) terminal.note(waiting);
        said = waiting;
        await sleep(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
      held = still;
    }
  } catch (error) {
    const written = [...tally.outcomes.values()].filter(({ status }) => status === "written").length;
    if (error instanceof Interrupted)
      terminal.say(`${written} of ${counted(left.length, "partition")} written; the same command goes on from there`);
    throw error;
  }
  terminal.note(summaryOf(tally));
  return exitCodeOf([...tally.outcomes.values()]);
}

function waitingText(held: readonly PlacedPartition[], { process: number, host }: Partial<LockHolder>): string {
  const [only, ...others] = held;
  if (only === undefined || others.length > 0)
    return `waiting for ${counted(held.length, "partition")} in other processes`;
  const who = number === undefined ? "another process" : `process ${number}${host === undefined ? "" : ` on ${host}`}`;
  return `waiting for ${only.name}, which ${who} is computing`;
}

function rowsOf({ rows, failures }: Manifest): string {
  return `${grouped(rows)} ${rows === 1 ? "row" : "rows"}${failures === 0 ? "" : `, ${grouped(failures)} failed`}`;
}

function summaryOf({ outcomes, rows, tokens, started }: Tally): string {
  const all = [...outcomes.values()];
  const count = (status: PartitionOutcome["status"]) => all.filter((one) => one.status === status).length;
  const seconds = (performance.now() - started) / 1000;
  const failures = all.reduce((sum, one) => sum + ("manifest" in one ? one.manifest.failures : 0), 0);
  const [written, kept, failed] = [count("written"), count("kept"), count("failed")];
  return [
    counted(all.length, "partition"),
    `${grouped(written)} written`,
    ...(kept === 0 ? [] : [`${grouped(kept)} whole already`]),
    ...(failed === 0 ? [] : [`${grouped(failed)} failed`]),
    ...(written === 0
      ? failed === 0
        ? ["nothing to do"]
        : []
      : [
          `${grouped(rows)} rows, ${grouped(tokens)} tokens`,
          `${clock(seconds)} (${quantity(rows / seconds)} rows/s, ${quantity(tokens / seconds)} tokens/s)`,
        ]),
    ...(failures === 0 ? [] : [`${counted(failures, "row")} failed`]),
  ].join(", ");
}

function exitCodeOf(outcomes: readonly PartitionOutcome[]): number {
  if (outcomes.some(({ status }) => status === "failed")) return EXIT_FATAL;
  return outcomes.some((one) => "manifest" in one && one.manifest.failures > 0) ? EXIT_ROWS_FAILED : EXIT_DONE;
}
