import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { file, folder, jsonLines, parseLines, run, tiny } from "./run-cli.ts";

const rows = Array.from({ length: 5 }, (_, i) => ({ id: i, prompt: `p${i}`, response: `r${i}` }));

describe("split", () => {
  it("gives parts whose scores, one after another, are those of the file", async () => {
    const input = file("whole.jsonl", jsonLines([...rows, { id: 5, prompt: "no response" }]));
    const parts = join(folder, "parts");
    const { code, stdout, stderr } = await run(["split", "--input", input, "--output", parts, "--parts", "2"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("6 rows in 2 parts");
    const score = async (name: string) =>
      parseLines((await run(["score", ...tiny, "--input", name])).stdout).map(({ index: _, ...row }) => row);
    const names = readdirSync(parts).sort();
    expect(names).toEqual(["part-00001-of-00002.jsonl", "part-00002-of-00002.jsonl"]);
    const scored = await Promise.all([input, ...names.map((name) => join(parts, name))].map(score));
    expect(scored.slice(1).flat()).toEqual(scored[0]);
  });

  it("cuts standard input, and tells what it did as JSON", async () => {
    const output = join(folder, "piped");
    const { stdout } = await run(["split", "-i", "-", "-o", output, "--rows", "2", "--json"], jsonLines(rows));
    const { parts, rows: count } = JSON.parse(stdout) as {
      parts: { name: string; rows: number; bytes: number }[];
      rows: number;
    };
    expect(count).toBe(5);
    expect(parts.map(({ name, rows: own }) => [name, own])).toEqual([
      ["part-00001-of-00003.jsonl", 2],
      ["part-00002-of-00003.jsonl", 2],
      ["part-00003-of-00003.jsonl", 1],
    ]);
    expect(readFileSync(join(output, parts[2]?.name as string))).toHaveLength(parts[2]?.bytes as number);
  });

  it.each([
    [["--rows", "2", "--parts", "2"], "one of --rows, --size and --parts"],
    [[], "one of --rows, --size and --parts"],
    [["--rows", "0"], "--rows"],
    [["--parts", "2", "-i", "-"], "read twice"],
    [["--rows", "1", "-i", join(folder, "missing.jsonl")], "does not exist"],
    [["--rows", "1", "--force", "-o", folder], "the folder of the input"],
    [["--rows", "1", "--keep-together", "promt"], 'No row has the field "promt"'],
  ])("refuses %j", async (args, message) => {
    const input = file("refused.jsonl", jsonLines(rows));
    const output = join(folder, "refused");
    const { code, stderr } = await run(["split", "-i", input, "-o", output, ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(existsSync(output)).toBe(false);
  });
});
