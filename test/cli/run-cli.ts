/** Runs the built command line as a child process, as a shell would. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";

export const repository = join(import.meta.dirname, "..", "..");
const MAIN = join(repository, "dist", "cli", "main.js");

if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run "npm run build:ts" first.`);

/** A folder for the test file's own files, with the demonstration model's cache in it. */
export const folder = mkdtempSync(join(tmpdir(), "starling-rm-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

export function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

export function jsonLines(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Environment = Record<string, string | undefined>;

export function start(args: readonly string[], environment: Environment = {}): ChildProcessWithoutNullStreams {
  const inherited: Environment = { ...process.env };
  for (const name of ["STARLING_RM_MODEL", "STARLING_RM_DEBUG", "NODE_OPTIONS"]) delete inherited[name];
  // Hubs of tests are on this machine.
  for (const name of Object.keys(inherited)) if (/^https?_proxy$/i.test(name)) delete inherited[name];
  const child = spawn(process.execPath, [MAIN, ...args], {
    // Node 22 starts faster with a compile cache; Node 20 does not know the variable.
    env: {
      ...inherited,
      NODE_COMPILE_CACHE: join(folder, "compiled"),
      STARLING_RM_CACHE: join(folder, "cache"),
      ...environment,
    },
  });
  // A child that refuses its arguments closes its input before it was written.
  child.stdin.on("error", () => {});
  return child;
}

export function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve) => {
    child.on("close", (code) => {
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}

export async function run(
  args: readonly string[],
  input: string | Uint8Array = "",
  environment?: Environment,
): Promise<Ended> {
  const child = start(args, environment);
  child.stdin.end(input);
  return ended(child);
}

/** On a machine with other things to do a process may wait for its turn: one try in time is enough. */
export async function expectWithin(milliseconds: number, attempt: () => Promise<number>): Promise<void> {
  const taken: number[] = [];
  while (taken.length < 3 && !taken.some((time) => time < milliseconds)) taken.push(await attempt());
  expect(Math.min(...taken)).toBeLessThan(milliseconds);
}

/** One thread: small models gain nothing from more, and machines that run tests are busy. */
export const tiny = ["--model", "tiny", "--threads", "1"];

export function parseLines(text: string): Record<string, unknown>[] {
  if (text !== "" && !text.endsWith("\n")) throw new Error(`The last line is not whole: ${text.slice(-80)}`);
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}
