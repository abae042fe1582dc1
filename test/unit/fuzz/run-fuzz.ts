/** Starts the rounds on another thread and watches them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { WorkerReport, WorkerSetup } from "./worker.ts";

/** JS objects of a thread: the readers need a few MiB for the files of the corpus. */
const HEAP_MEBIBYTES = 128;
const WATCH_MILLISECONDS = 100;

export interface FuzzOptions extends Omit<WorkerSetup, "progress"> {
  /** A round that takes longer hangs. Rounds take milliseconds; machines may be busy. */
  readonly hangSeconds: number;
}

/** Threads cannot run TypeScript on every Node that is supported. */
export function compileWorker(): { readonly path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "starling-rm-fuzz-"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"), "junction");
  const tsc = join("node_modules", "typescript", "bin", "tsc");
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [tsc, "-p", join("test", "unit", "fuzz", "tsconfig.json"), "--outDir", folder],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`tsc failed: ${stdout}${stderr}`);
  return {
    path: join(folder, "test", "unit", "fuzz", "worker.js"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** @throws Error that says what was wrong, and how to run that round again */
export async function runFuzz(workerPath: string, options: FuzzOptions): Promise<WorkerReport> {
  const { hangSeconds, ...setup } = options;
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(pathToFileURL(workerPath), {
    workerData: { ...setup, progress } satisfies WorkerSetup,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MEBIBYTES },
    execArgv: [],
  });
  const failed = (round: number, what: string) =>
    new Error(
      `Seed ${setup.seed}, round ${round}: ${what}\nOnce more: ` +
        `STARLING_RM_FUZZ_SEED=${setup.seed} STARLING_RM_FUZZ_ROUND=${round} npx vitest run test/unit/fuzz.test.ts`,
    );
  const current = () => setup.firstRound + Atomics.load(progress, 0) - 1;
  let watch: NodeJS.Timeout | undefined;
  try {
    const report = await new Promise<WorkerReport>((resolve, reject) => {
      worker.on("message", resolve);
      worker.on("error", (error) => reject(failed(current(), error.message)));
      worker.on("exit", (code) => reject(failed(current(), `the thread ended with ${code}.`)));
      let last = { round: current(), since: Date.now() };
      watch = setInterval(() => {
        const round = current();
        if (round !== last.round) last = { round, since: Date.now() };
        const began = round >= setup.firstRound;
        if (began && Date.now() - last.since > 1000 * hangSeconds)
          reject(failed(round, `it does not end within ${hangSeconds} s.`));
      }, WATCH_MILLISECONDS);
    });
    if (report.failure !== undefined) throw failed(report.round, report.failure);
    return report;
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}
