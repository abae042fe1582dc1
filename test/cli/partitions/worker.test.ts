/** A worker that other programs drive: partitions by name on standard input, events on standard output. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ended, folder, jsonLines, parseLines, run, start, tiny } from "../run-cli.ts";

const rows = (name: string, count: number) =>
  jsonLines(Array.from({ length: count }, (_, i) => ({ prompt: `${name} ${i}?`, response: "Paris." })));

function inputs(name: string): string {
  const at = join(folder, name);
  mkdirSync(join(at, "sub"), { recursive: true });
  writeFileSync(join(at, "a.jsonl"), rows("a", 3));
  writeFileSync(join(at, "sub", "a.jsonl"), `${rows("b", 2)}{"prompt":"no response"}\n`);
  return at;
}

it("answers each line with an event, and ends with its input", async () => {
  const input = inputs("worker");
  const output = join(folder, "worker-out");
  const requests = ["a.jsonl", "sub/a.jsonl", join(input, "a.jsonl"), "../a.jsonl"].map((partition) => ({ partition }));
  const { code, stdout } = await run(
    ["score", ...tiny, "--input", input, "--output", output, "--partitions", "-"],
    `${jsonLines(requests)}no JSON\n`,
  );
  const [ready, ...events] = parseLines(stdout).filter(({ event }) => event !== "progress");
  expect(ready).toMatchObject({ event: "ready", fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(events).toMatchObject([
    { event: "done", partition: "a.jsonl", status: "written", rows: 3, failures: 0 },
    { event: "done", partition: "sub/a.jsonl", status: "written", rows: 3, failures: 1 },
    { event: "done", partition: join(input, "a.jsonl"), status: "kept", rows: 3, failures: 0 },
    { event: "failed", partition: "../a.jsonl", code: "ERR_FILE_NOT_READABLE" },
    { event: "failed", partition: "", code: "ERR_INVALID_JSON" },
  ]);
  expect(code).toBe(0);
  expect(parseLines(readFileSync(join(output, "sub", "a.jsonl"), "utf8"))).toHaveLength(3);
});

it("is ready before it is asked for anything, and says so when it cannot begin", async () => {
  const input = inputs("refused");
  const output = join(folder, "refused-out");
  const task = ["--input", input, "--output", output, "--partitions", "-"];
  const child = start(["score", ...tiny, ...task]);
  const result = ended(child);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  child.stdin.end();
  expect(await result).toMatchObject({ code: 0 });
  const other = await run(["score", ...tiny, "--tokenization", "slow", ...task]);
  expect(other).toMatchObject({ code: 2, stdout: "" });
  expect(other.stderr).toContain("without --tokenization, not with --tokenization slow");
});

it("ends in one sentence when another run takes the folder over", async () => {
  const input = inputs("taken");
  const output = join(folder, "taken-out");
  const child = start(["score", ...tiny, "--input", input, "--output", output, "--partitions", "-"]);
  const result = ended(child);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const at = join(output, "_PARTITIONS");
  const run = JSON.parse(readFileSync(at, "utf8"));
  writeFileSync(at, JSON.stringify({ ...run, settings: { "--tokenization": "slow" } }));
  child.stdin.end(jsonLines([{ partition: "a.jsonl" }, { partition: "sub/a.jsonl" }]));
  const { code, stdout, stderr } = await result;
  expect(parseLines(stdout).map(({ event }) => event)).toEqual(["ready"]);
  expect(stderr.match(/now belongs to a run that was started with --tokenization slow/g)).toHaveLength(1);
  expect(stderr).toContain("choose another --output folder");
  expect(code).toBe(2);
});
