/** The contender's end of the protocol of ../contender.mjs. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/**
 * @param {(turn: number, warm: boolean) => Promise<number>} run does the work of one measurement, counted from 1, and
 *   returns its tokens; turn 0 is for warming up
 */
export async function serve(run) {
  answer({ ready: true });
  let turn = 1;
  for await (const line of createInterface({ input: process.stdin })) {
    const cpu = process.cpuUsage();
    const started = performance.now();
    const tokens = await run(line === "warm" ? 0 : turn++, line === "warm");
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    answer({ tokens, seconds, cpuSeconds: (user + system) / 1e6 });
  }
}

function answer(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** The plan of the work: a JSON file, which the one argument names. */
export function task() {
  return JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
}
