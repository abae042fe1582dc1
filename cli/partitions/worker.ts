/** A worker: partitions are named on standard input, one JSON line each, and answered on standard output. */
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandContext } from "../context.ts";
import { ClosedPipe, EXIT_DONE } from "../errors.ts";
import type { PartitionRun, PlacedPartition } from "../library.ts";
import { openOutput } from "../output.ts";
import { safeJson } from "../output-formats.ts";
import type { PartitionRunner } from "./partition-runner.ts";
import type { PartitionWork } from "./partition-work.ts";
import type { Plan } from "./plan.ts";

export interface WorkerTask {
  readonly plan: Plan;
  readonly run: PartitionRun;
  readonly runner: PartitionRunner;
  readonly work: PartitionWork;
}

/** Between two events of progress. */
const PROGRESS_MS = 1_000;
/** How often a partition that another process holds is looked at again. */
const POLL_MS = 250;
/** Of a line that is no request, in the answer. */
const MAX_SHOWN = 200;

/** @returns the exit code, at the end of standard input */
export async function work({ plan, run, runner, work: task }: WorkerTask, context: CommandContext): Promise<number> {
  const { terminal, signal } = context;
  terminal.progress = false;
  const output = await openOutput();
  const send = (event: object) => output.write(`${safeJson(JSON.stringify(event))}\n`);
  const byName = new Map<string, PlacedPartition>();
  for (const partition of plan.all) byName.set(partition.file, partition).set(partition.path, partition);
  // A name counts before a path that looks like it.
  for (const partition of plan.all) byName.set(partition.name, partition);
  await task.load();
  const { model, head } = run;
  await send({
    ...{ event: "ready", model: model.file, fingerprint: model.fingerprint },
    ...(head === undefined ? {} : { head: head.fingerprint }),
  });
  const fail = (partition: string, code: string, message: string) =>
    send({ event: "failed", partition, code, message });
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY, signal });
  try {
    for await (const line of lines) {
      signal.throwIfAborted();
      if (line.trim() === "") continue;
      const name = requestedName(line);
      if (name === undefined) {
        const shown = JSON.stringify(line.slice(0, MAX_SHOWN));
        await fail(
          "",
          "ERR_INVALID_JSON",
          `Expected a line like {"partition":"part-0001.jsonl"} but received ${shown}.`,
        );
        continue;
      }
      const partition = byName.get(name);
      if (partition === undefined) {
        await fail(name, "ERR_FILE_NOT_READABLE", `${name} is not one of the ${plan.all.length} files of --input.`);
        continue;
      }
      await doPartition(name, partition);
    }
  } catch (error) {
    if (!(error instanceof ClosedPipe)) throw error;
  } finally {
    lines.close();
  }
  signal.throwIfAborted();
  return EXIT_DONE;

  async function doPartition(name: string, partition: PlacedPartition): Promise<void> {
    const started = performance.now();
    let [told, sent] = [started, Promise.resolve()];
    const onRows = (rows: number) => {
      if (performance.now() - told < PROGRESS_MS) return;
      told = performance.now();
      // A reader that is gone fails the answer, too.
      sent = send({ event: "progress", partition: name, rows }).catch(() => {});
    };
    const base = { started, rows: 0, tokens: 0, label: "scoring", fraction: (own: number) => own };
    for (;;) {
      const outcome = await runner.do(partition, base, onRows);
      await sent;
      if (outcome.status === "failed") return fail(name, outcome.code, outcome.message);
      if (outcome.status !== "held") {
        const { rows, failures } = outcome.manifest;
        const seconds = Math.round(performance.now() - started) / 1000;
        return send({ event: "done", partition: name, status: outcome.status, rows, failures, seconds });
      }
      await sleep(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

function requestedName(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const name = (value as { partition?: unknown } | null)?.partition;
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined;
  }
}
