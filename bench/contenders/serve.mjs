/** The contender's end of the protocol of ../contender.mjs. */
import { createInterface } from "node:readline";

/**
 * @param {() => Promise<number>} run does the work of one measurement and returns its tokens
 */
export async function serve(run) {
  answer({ ready: true });
  for await (const _ of createInterface({ input: process.stdin })) {
    const cpu = process.cpuUsage();
    const started = performance.now();
    const tokens = await run();
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    answer({ tokens, seconds, cpuSeconds: (user + system) / 1e6 });
  }
}

function answer(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** The plan of the work: the one argument, as JSON. */
export function task() {
  return JSON.parse(process.argv[2] ?? "{}");
}
