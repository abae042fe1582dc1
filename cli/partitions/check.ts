/** --check: whether a folder has a whole output for each input, and what its manifests add up to. */
import type { CommandContext } from "../context.ts";
import { EXIT_DONE, EXIT_ROWS_FAILED, UsageError } from "../errors.ts";
import { type Manifest, PartitionFolder, type PartitionRun, type PlacedPartition } from "../library.ts";
import { openOutput } from "../output.ts";
import type { FormatName } from "../output-options.ts";
import { progressText } from "../progress-bar.ts";
import { mergedReport } from "./check-report.ts";
import { type CheckSummary, type PartitionProblem, summaryTable, summed } from "./check-summary.ts";
import { evalOutputName } from "./eval-work.ts";
import { outputName } from "./output-name.ts";
import { difference } from "./partition-run.ts";
import { type PlanOptions, planPartitions } from "./plan.ts";

export type CheckOptions = PlanOptions & { readonly json?: true; readonly format?: FormatName; readonly seed?: number };

/** @returns the exit code: 0 where all is well, else 1 */
export async function checkPartitions(
  options: CheckOptions,
  command: string,
  context: CommandContext,
): Promise<number> {
  const { output: path = "", json = options.format === "json", format } = options;
  if (format !== undefined && format !== "json" && format !== "table")
    throw new UsageError(`--check prints a table or JSON: expected --format json or table but received ${format}`);
  const folder = new PartitionFolder(path);
  if (!(await folder.isThere())) {
    const missing = `the folder ${path} does not exist`;
    // With inputs, it is known what is missing.
    if (options.input === undefined) throw new UsageError(`${missing}: --check verifies one that a run has written`);
    context.terminal.note(`note: ${missing}`);
  }
  const run = (await folder.run()) ?? undefined;
  if (run !== undefined && run.command !== command)
    throw new UsageError(
      `the partitions in ${path} were written by \`starling-rm ${run.command}\`, not by \`${command}\``,
    );
  const wanted = await wantedPartitions(options, folder, run, command, context);
  const { manifests, problems } = await verify(folder, wanted, run, context);
  const inputs = wanted.map((partition) => partition.path);
  for (const name of await folder.foreign(wanted, inputs))
    problems.push({ partition: name, status: "foreign", reason: "belongs to no file of the input" });
  const summary = summed({ run, total: wanted.length, manifests, problems });
  const report = command.startsWith("eval ")
    ? await mergedReport(folder, wanted, manifests, options.seed ?? 0)
    : undefined;
  const all: CheckSummary = { ...summary, ...(report === undefined ? {} : { report }) };
  const out = await openOutput();
  await out.write(json ? `${JSON.stringify(all, undefined, 2)}\n` : summaryTable(path, all, context.terminal.columns));
  return all.ok ? EXIT_DONE : EXIT_ROWS_FAILED;
}

/** The files of --input; without it, those that the manifests are of. */
async function wantedPartitions(
  options: CheckOptions,
  folder: PartitionFolder,
  run: PartitionRun | undefined,
  command: string,
  context: CommandContext,
): Promise<readonly PlacedPartition[]> {
  if (options.input === undefined) return folder.written();
  const format = run?.settings["--format"] as FormatName | undefined;
  const named = command.startsWith("eval ") ? evalOutputName : (name: string) => outputName(name, format);
  return (await planPartitions(options, named, context)).all;
}

async function verify(
  folder: PartitionFolder,
  wanted: readonly PlacedPartition[],
  run: PartitionRun | undefined,
  { terminal, signal }: CommandContext,
): Promise<{ manifests: Map<PlacedPartition, Manifest>; problems: PartitionProblem[] }> {
  const manifests = new Map<PlacedPartition, Manifest>();
  const problems: PartitionProblem[] = [];
  const started = performance.now();
  let done = 0;
  terminal.showStatus((columns, isLine) => {
    const seconds = (performance.now() - started) / 1000;
    return progressText({ label: "verifying", fraction: done / wanted.length, seconds, isLine }, columns);
  });
  try {
    let expected = run;
    for (const partition of wanted) {
      signal.throwIfAborted();
      const found = await problemOf(folder, partition, expected, signal);
      if ("manifest" in found) {
        manifests.set(partition, found.manifest);
        expected ??= found.manifest;
      } else problems.push({ partition: partition.name, ...found });
      done += 1;
      terminal.redrawStatus();
    }
  } finally {
    terminal.endStatus();
  }
  return { manifests, problems };
}

async function problemOf(
  folder: PartitionFolder,
  partition: PlacedPartition,
  expected: PartitionRun | undefined,
  signal: AbortSignal,
): Promise<{ readonly manifest: Manifest } | Omit<PartitionProblem, "partition">> {
  try {
    const state = await folder.stateOf(partition, { verify: true, signal });
    if (state.status === "missing") return { status: "missing", reason: "has no output" };
    if ("reason" in state)
      return state.status === "torn"
        ? { status: "torn", reason: `is not whole: ${state.reason}` }
        : { status: "other", reason: state.reason };
    const { manifest } = state;
    const other = expected === undefined ? undefined : difference(manifest, expected);
    if (other !== undefined) return { status: "other", reason: `was written ${other}` };
    if (state.status === "changed") return { status: "changed", reason: "is of another version of its input" };
    return { manifest };
  } catch (error) {
    signal.throwIfAborted();
    return { status: "torn", reason: `cannot be checked: ${error instanceof Error ? error.message : String(error)}` };
  }
}
