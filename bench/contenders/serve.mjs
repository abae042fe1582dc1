/** The contender's side of the protocol in ../contender.mjs. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/**
 * @param {(turn: number, warm: boolean) => Promise<number | { tokens: number, milliseconds: number[] }>} run does the work of one
 *   measurement and returns its number of tokens, or also the time of each request. Turns count from 1; turn 0 is the warm-up.
 * @param {object} [about]
 * @param {() => number} [about.cpuSeconds] processor time so far; default: that of this process
 * @param {object} [about.details] for the JSON results, for example which kernels are in use
 */
export async function serve(run, { cpuSeconds = ownCpuSeconds, details } = {}) {
  send({ ready: true, ...(details === undefined ? {} : { details }) });
  let turn = 1;
  for await (const line of createInterface({ input: process.stdin })) {
    const cpu = cpuSeconds();
    const started = performance.now();
    const done = await run(line === "warm" ? 0 : turn++, line === "warm");
    const seconds = (performance.now() - started) / 1000;
    send({ ...(typeof done === "number" ? { tokens: done } : done), seconds, cpuSeconds: cpuSeconds() - cpu });
  }
}

function ownCpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function send(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** The task: a JSON file, named by the only argument. */
export function task() {
  return JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
}
