/** What the tests of rows share: reading a file whole, and files of given bytes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { StarlingError } from "../../../src/errors.ts";
import { openRows } from "../../../src/rows/open-rows.ts";
import type { Row } from "../../../src/rows/row.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rows-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file of these bytes; its name tells CSV alone. */
export function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

type ReadRow = { readonly row: number; readonly where: string } & (
  | { readonly value: unknown }
  | { readonly error: StarlingError }
);

/** The rows without what tells where they end and how they are written. */
export async function readAll(path: string): Promise<ReadRow[]> {
  const file = await openRows(path);
  try {
    return (await collect(file.rows)).map((row) => {
      const { endOffset: _, isTable: __, json: ___, ...rest } = row as Row & { readonly json?: string };
      return rest as ReadRow;
    });
  } finally {
    await file.close();
  }
}

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

export async function valuesOf(path: string): Promise<unknown[]> {
  return (await readAll(path)).map((row) => ("error" in row ? row.error.message : row.value));
}

/** What make_datasets.py writes for values that JSON has not. */
export function expectedValues(text: string): unknown {
  return JSON.parse(text, (_, value) => {
    if (typeof value?.date === "string") return new Date(value.date);
    return typeof value?.big === "string" ? BigInt(value.big) : value;
  });
}
