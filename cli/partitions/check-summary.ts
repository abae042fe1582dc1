/** What the manifests of a folder add up to. */
import type { EvaluationReport } from "../../src/entry/eval.ts";
import { grouped } from "../counted.ts";
import { evaluationTable } from "../eval-table.ts";
import type {
  Manifest,
  ModelRecord,
  PartitionCounts,
  PartitionEngine,
  PartitionRun,
  PlacedPartition,
} from "../library.ts";
import { clock } from "../progress-bar.ts";
import { propertyTable } from "../table.ts";
import { visible } from "../visible-text.ts";
import { modelText } from "./partition-run.ts";

/** What is wrong with a partition. */
export interface PartitionProblem {
  readonly partition: string;
  readonly status: "missing" | "torn" | "changed" | "other" | "foreign";
  /** A clause after the name of the output. */
  readonly reason: string;
}

export interface CheckSummary extends PartitionCounts {
  /** Every input has a whole output of this run, and nothing else is there. */
  readonly ok: boolean;
  readonly command?: string;
  readonly version?: string;
  readonly model?: ModelRecord;
  readonly head?: ModelRecord;
  readonly settings?: Readonly<Record<string, string>>;
  /** Files of the input. */
  readonly partitions: number;
  /** How many are whole, and how many problems of each kind there are. */
  readonly states: Readonly<Record<"whole" | PartitionProblem["status"], number>>;
  /** Of all outputs. */
  readonly bytes: number;
  /** Of all processes together. */
  readonly seconds: number;
  /** What computed, most partitions first: several machines may differ in the last digits. */
  readonly engines: readonly (PartitionEngine & { readonly partitions: number })[];
  readonly problems: readonly PartitionProblem[];
  /** The outputs with rows that could not be computed: each such row says why. */
  readonly withFailures: readonly { readonly partition: string; readonly failures: number }[];
  /** eval: the report on all whole partitions. */
  readonly report?: EvaluationReport;
}

export interface CheckedFolder {
  readonly run: PartitionRun | undefined;
  readonly total: number;
  readonly manifests: ReadonlyMap<PlacedPartition, Manifest>;
  readonly problems: readonly PartitionProblem[];
}

export function summed({ run, total, manifests, problems }: CheckedFolder): CheckSummary {
  const all = [...manifests.values()];
  const sum = (of: (manifest: Manifest) => number) => all.reduce((sofar, manifest) => sofar + of(manifest), 0);
  const count = (status: PartitionProblem["status"]) => problems.filter((problem) => problem.status === status).length;
  const described = run ?? all[0];
  const { command, version, model, head, settings } = described ?? {};
  return {
    ok: problems.length === 0 && all.length === total && total > 0,
    ...(described === undefined ? {} : ({ command, version, model, settings } as PartitionRun)),
    ...(head === undefined ? {} : { head }),
    partitions: total,
    states: {
      ...{ whole: all.length, missing: count("missing"), torn: count("torn") },
      ...{ changed: count("changed"), other: count("other"), foreign: count("foreign") },
    },
    ...{ rows: sum(({ rows }) => rows), records: sum(({ records }) => records) },
    ...{ failures: sum(({ failures }) => failures), warnings: sum(({ warnings }) => warnings) },
    ...{ truncated: sum(({ truncated }) => truncated), tokens: sum(({ tokens }) => tokens) },
    bytes: sum(({ output }) => output.bytes),
    seconds: Math.round(1000 * sum(({ seconds }) => seconds)) / 1000,
    engines: enginesOf(all),
    problems,
    withFailures: all.flatMap(({ partition, failures }) => (failures === 0 ? [] : [{ partition, failures }])),
  };
}

function enginesOf(manifests: readonly Manifest[]): CheckSummary["engines"] {
  const found = new Map<string, PartitionEngine & { partitions: number }>();
  for (const { engine } of manifests) {
    const key = JSON.stringify(engine);
    const known = found.get(key) ?? { ...engine, partitions: 0 };
    known.partitions += 1;
    found.set(key, known);
  }
  return [...found.values()].sort((a, b) => b.partitions - a.partitions);
}

/** Problems that are listed for people; JSON has all. */
const MAX_LISTED = 20;
const MAX_LISTED_WITH_FAILURES = 5;

export function summaryTable(folder: string, summary: CheckSummary, columns: number): string {
  const { ok, partitions, states, problems, model, head, engines, report, command } = summary;
  const lines = propertyTable([
    ["folder", folder],
    ["result", ok ? "whole" : "NOT whole"],
    ["partitions", `${grouped(states.whole)} of ${grouped(partitions)} whole`],
    ...(command === undefined ? [] : [["command", command] as const]),
    ...(model === undefined ? [] : [["model", modelText(model)] as const]),
    ...(head === undefined ? [] : [["head", modelText(head)] as const]),
    ["rows", `${grouped(summary.rows)}, ${grouped(summary.failures)} failed`],
    ...(summary.withFailures.length === 0 ? [] : [["failed in", failuresText(summary.withFailures)] as const]),
    ["texts truncated", grouped(summary.truncated)],
    ["warnings", grouped(summary.warnings)],
    ["tokens", grouped(summary.tokens)],
    ["bytes", grouped(summary.bytes)],
    ["time", `${clock(summary.seconds)}, all processes together`],
    ...engines.map((engine) => ["computed by", engineText(engine)] as const),
  ]);
  const shown = problems
    .slice(0, MAX_LISTED)
    .map(({ partition, reason }) => `${visible(partition)} ${visible(reason)}\n`);
  const more =
    problems.length > MAX_LISTED ? `and ${grouped(problems.length - MAX_LISTED)} more (--json lists all)\n` : "";
  const problemText = problems.length === 0 ? "" : `\n${shown.join("")}${more}`;
  return lines + problemText + (report === undefined ? "" : `\n${evaluationTable(report, { columns })}`);
}

function failuresText(all: CheckSummary["withFailures"]): string {
  const listed = all
    .slice(0, MAX_LISTED_WITH_FAILURES)
    .map(({ partition, failures }) => `${visible(partition)} (${failures})`);
  const more = all.length - listed.length;
  return `${listed.join(", ")}${more > 0 ? ` and ${grouped(more)} more (--json lists all)` : ""}`;
}

function engineText({
  backend,
  batchMode,
  cpuLibrary,
  ownKernels,
  partitions,
}: CheckSummary["engines"][number]): string {
  const parts = [backend, `${batchMode} scores`, ...(cpuLibrary === undefined ? [] : [cpuLibrary])];
  return `${parts.join(", ")}${ownKernels ? ", our own kernels" : ""}: ${grouped(partitions)}`;
}
