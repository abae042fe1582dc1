/** The contender's side of the protocol in ../contender.mjs. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/**
 * @param {(turn: number, warm: boolean) => Promise<number>} run does the work of one measurement and returns its number of
 *   tokens. Turns count from 1; turn 0 is the warm-up.
 */
export async function serve(run) {
  send({ ready: true });
  let turn = 1;
  for await (const line of createInterface({ input: process.stdin })) {
    const cpu = process.cpuUsage();
    const started = performance.now();
    const tokens = await run(line === "warm" ? 0 : turn++, line === "warm");
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    send({ tokens, seconds, cpuSeconds: (user + system) / 1e6 });
  }
}

function send(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** The task: a JSON file, named by the only argument. */
export function task() {
  return JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
}
