/** The bench's programs: they import much of the library, and nothing else would tell that a name is gone. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);
const bench = join(import.meta.dirname, "..", "..", "bench");

it.each(["run.mjs", "experiments.mjs", "server.mjs", "conversion.mjs"])("%s starts", async (program) => {
  const { stdout } = await run(process.execPath, [join(bench, program), "--help"]);
  expect(stdout).toMatch(/Usage|usage/);
});

it.each([
  [["--workload", "8x255"], 'Unknown workload "8x255".'],
  [["--model", "3.5m,7b"], 'for --model but received "7b"'],
  [["--type", "q4_k_m,q3_k"], 'for --type but received "q3_k"'],
  [["--repetitions", "0"], 'for --repetitions but received "0"'],
])("refuses %s", async (args, message) => {
  await expect(run(process.execPath, [join(bench, "run.mjs"), ...args])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining(message),
  });
});
