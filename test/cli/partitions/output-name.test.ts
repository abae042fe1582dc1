import { expect, it } from "vitest";
import { evalOutputName } from "../../../cli/partitions/eval-work.ts";
import { outputName } from "../../../cli/partitions/output-name.ts";

it.each([
  ["a.jsonl", undefined, "a.jsonl"],
  ["sub/A.JSONL.GZ", undefined, "sub/A.JSONL.GZ"],
  ["a.ndjson.zst", undefined, "a.ndjson.zst"],
  ["a.csv.xz", undefined, "a.csv.gz"],
  ["a.parquet", undefined, "a.parquet"],
  ["a.parquet.gz", undefined, "a.parquet"],
  ["rows", undefined, "rows"],
  ["a.jsonl.gz", "csv", "a.csv.gz"],
  ["a.ndjson", "jsonl", "a.ndjson"],
  ["a.tsv.gz", "parquet", "a.parquet"],
  ["v1.2/a.json", "jsonl", "v1.2/a.jsonl"],
  ["rows.txt", "csv", "rows.txt"],
] as const)("of %s with --format %s is %s", (partition, format, name) => {
  expect(outputName(partition, format)).toBe(name);
});

it("of an evaluation is that of JSON lines", () => {
  expect(["a.jsonl", "b.csv.gz", "c.parquet", "d.jsonl.xz"].map(evalOutputName)).toEqual([
    ...["a.jsonl", "b.jsonl", "c.jsonl", "d.jsonl"],
  ]);
});
