/** Starts the rounds in another process and watches them. */
import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { ChildReport, ChildSetup } from "./child.ts";

/** JS objects of the process: the readers need a few MiB for the files of the corpus. */
const HEAP_MEBIBYTES = 128;
const WATCH_MILLISECONDS = 100;

export interface FuzzOptions extends Omit<ChildSetup, "progress"> {
  /** A round that takes longer hangs. Rounds take milliseconds; machines may be busy. */
  readonly hangSeconds: number;
}

/** Node cannot run TypeScript in every version that is supported. */
export function compileChild(): { readonly path: string; remove(): void } {
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
    path: join(folder, "test", "unit", "fuzz", "child.js"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** @throws Error that says what was wrong, and how to run that round again */
export async function runFuzz(childPath: string, options: FuzzOptions): Promise<ChildReport> {
  const { hangSeconds, ...setup } = options;
  const folder = mkdtempSync(join(tmpdir(), "starling-rm-fuzz-"));
  const progress = join(folder, "round");
  writeFileSync(progress, "");
  /** Undefined before the first one. */
  const current = () => {
    const text = readFileSync(progress, "utf8").trim();
    return text === "" ? undefined : Number(text);
  };
  const failed = (round: number | undefined, what: string) =>
    new Error(
      `Seed ${setup.seed}, round ${round}: ${what}\nOnce more: ` +
        `STARLING_RM_FUZZ_SEED=${setup.seed} STARLING_RM_FUZZ_ROUND=${round} npx vitest run test/unit/fuzz.test.ts`,
    );
  // A process and not a thread: a thread that fills its heap can take all others down with it.
  const child = fork(childPath, {
    execArgv: [`--max-old-space-size=${HEAP_MEBIBYTES}`],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const ended = endOf(child);
  let watch: NodeJS.Timeout | undefined;
  try {
    child.send({ ...setup, progress } satisfies ChildSetup);
    const report = await new Promise<ChildReport>((resolve, reject) => {
      child.on("message", (message) => resolve(message as ChildReport));
      void ended.then((how) => reject(failed(current(), `the process ended with ${how}`)));
      let last = { round: current(), since: Date.now() };
      watch = setInterval(() => {
        const round = current();
        if (round !== last.round) last = { round, since: Date.now() };
        if (round !== undefined && Date.now() - last.since > 1000 * hangSeconds)
          reject(failed(round, `it does not end within ${hangSeconds} s.`));
      }, WATCH_MILLISECONDS);
    });
    if (report.failure !== undefined) throw failed(report.round, report.failure);
    return report;
  } finally {
    clearInterval(watch);
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Its code or signal, and what it wrote last; of a full heap the line that says so. */
async function endOf(child: ChildProcess): Promise<string> {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const how = await new Promise((resolve) => {
    child.on("error", ({ message }) => resolve(message));
    child.on("close", (code, signal) => resolve(signal ?? code));
  });
  return `${how}: ${/^FATAL ERROR:.*$/m.exec(text)?.[0] ?? text}`;
}
