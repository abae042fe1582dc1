/** Files of preference rows, and what is read from them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { benchmarks } from "../../../src/evaluation/benchmarks.ts";
import type { PlacedCase } from "../../../src/evaluation/case.ts";
import { findLayout } from "../../../src/evaluation/find-layout.ts";
import { CaseReader, type ReadCasesOptions } from "../../../src/evaluation/read-cases.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-layouts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
export function fileOf(rows: readonly unknown[] | string): { name: string; path: string } {
  const isText = typeof rows === "string";
  const path = join(folder, `rows-${count++}.${isText ? "csv" : "jsonl"}`);
  writeFileSync(path, isText ? rows : rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return { name: path, path };
}

interface Read {
  readonly found: string;
  readonly cases: readonly PlacedCase[];
  readonly omitted: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
  /** How many cases the report will count. */
  readonly counted: number;
}

export async function read(
  rows: readonly unknown[] | string,
  adapter?: string,
  options: Partial<ReadCasesOptions> = {},
): Promise<Read> {
  const source = fileOf(rows);
  const layout = await findLayout(source, adapter === undefined ? {} : { adapter });
  const problems: string[] = [];
  const reader = new CaseReader(benchmarks.pairs, [source], {
    unordered: false,
    onProblem: ({ error }) => problems.push(error.message),
    ...options,
    layouts: [layout],
  });
  const cases: PlacedCase[] = [];
  for await (const one of reader.cases()) cases.push(one);
  const { omitted, cases: counted } = reader.counts;
  return { found: layout.name, cases, omitted, problems, counted };
}

/** What must win over what, as "prompt: better > worse"; turns are joined by " / ". */
export function said({ responses, comparisons }: PlacedCase): string[] {
  const both = responses.map(({ item }) => {
    if ("text" in item) return ["", item.text] as const;
    if ("prompt" in item) return [item.prompt, item.response] as const;
    const turns = item.messages.map(({ content }) => content);
    return [turns.slice(0, -1).join(" / "), turns.at(-1) as string] as const;
  });
  return comparisons.map(({ better, worse, orEqual }) => {
    const [[prompt, good], [other, bad]] = [both[better], both[worse]] as [(typeof both)[0], (typeof both)[0]];
    return `${prompt === other ? prompt : `${prompt} | ${other}`}: ${good} ${orEqual ? ">=" : ">"} ${bad}`;
  });
}

export const sides = { prompt: "p", response_a: "x", response_b: "y" };
export const numbered = { prompt: "p", response_1: "x", response_2: "y" };
export const many = <Row>(count: number, row: Row): Row[] => Array.from({ length: count }, () => row);
