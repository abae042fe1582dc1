/** Words that a shell made of an unquoted pattern. */
import { expect, it } from "vitest";
import { usageLine, withEachInput } from "../../../cli/usage.ts";

it.each([
  [
    "eval pairs --input a.jsonl b.jsonl c.csv.gz --limit 3",
    "eval pairs --input a.jsonl --input b.jsonl --input c.csv.gz --limit 3",
  ],
  ["eval --input a.jsonl b.jsonl pairs", "eval --input a.jsonl --input b.jsonl pairs"],
  ["compare -i a.jsonl b.jsonl x.gguf y.gguf", "compare -i a.jsonl --input b.jsonl x.gguf y.gguf"],
  ["fit --input=a.jsonl b.jsonl -o rm.gguf", "fit --input=a.jsonl --input b.jsonl -o rm.gguf"],
  ["eval a.jsonl --input b.jsonl --output c.json d.json", "eval a.jsonl --input b.jsonl --output c.json d.json"],
  ["score --input a.jsonl b.jsonl", "score --input a.jsonl b.jsonl"],
])("%s", (line, expected) => {
  expect(withEachInput(line.split(" ")).join(" ")).toBe(expected);
});

it("names --input where files are given without it", () => {
  const line = usageLine("error: too many arguments for 'score'.", ["score", "a.jsonl", "b.jsonl"]);
  expect(line).toMatch(/'score'\. \(rows are read with --input a\.jsonl\)\n$/);
  const inspect = usageLine("error: too many arguments for 'inspect'.", ["inspect", "a.jsonl", "b.jsonl"]);
  expect(inspect).not.toMatch(/--input/);
});

it("says where a missing argument is explained", () => {
  expect(usageLine("error: missing required argument 'shell'", ["completion"])).toBe(
    "starling-rm: missing required argument 'shell' (starling-rm completion --help shows how it is used)\n",
  );
});
