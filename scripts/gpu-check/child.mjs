// One step of gpu-check in a child process: a task as JSON on standard input, its result on standard output.
import { text } from "node:stream/consumers";

const task = JSON.parse(await text(process.stdin));
const { run } = await import(`./${task.step}.mjs`);
try {
  console.log(JSON.stringify(await run(task)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
