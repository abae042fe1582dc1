/** Lists over pages: writers end a page wherever it is full, also in the middle of a row. */
import type { SchemaElement, SchemaTree } from "hyparquet";
import { expect, it } from "vitest";
import { bytesSource } from "../../../src/files/byte-source.ts";
import { assembleValue } from "../../../src/rows/parquet/assemble.ts";
import { ColumnReader } from "../../../src/rows/parquet/column-reader.ts";
import { randomOf } from "../../random.ts";

type Deep = (readonly (number | null)[] | null)[] | null;
type Entry = readonly [repetition: number, definition: number, value?: number];

const element = (name: string, repetition_type: "OPTIONAL" | "REPEATED", more: Partial<SchemaElement>) => ({
  name,
  repetition_type,
  ...more,
});

/** optional list of optional lists of optional INT32. */
function schema(): SchemaTree[] {
  const list = { converted_type: "LIST", num_children: 1 } as const;
  const elements: SchemaElement[] = [
    { name: "root", num_children: 1 },
    element("deep", "OPTIONAL", list),
    element("list", "REPEATED", { num_children: 1 }),
    element("element", "OPTIONAL", list),
    element("list", "REPEATED", { num_children: 1 }),
    element("element", "OPTIONAL", { type: "INT32" }),
  ];
  const nodes = elements.map((it, i) => ({
    element: it,
    path: elements.slice(1, i + 1).map(({ name }) => name),
    count: elements.length - i,
    children: [] as SchemaTree[],
  }));
  for (const [i, node] of nodes.entries())
    if (nodes[i + 1] !== undefined) node.children.push(nodes[i + 1] as SchemaTree);
  return nodes;
}

function shred(rows: readonly Deep[]): Entry[] {
  return rows.flatMap((row): Entry[] => {
    if (row === null) return [[0, 0]];
    if (row.length === 0) return [[0, 1]];
    return row.flatMap((inner, i): Entry[] => {
      const first = i === 0 ? 0 : 1;
      if (inner === null) return [[first, 2]];
      if (inner.length === 0) return [[first, 3]];
      return inner.map((value, j): Entry => {
        const repetition = j === 0 ? first : 2;
        return value === null ? [repetition, 4] : [repetition, 5, value];
      });
    });
  });
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** Levels as one packed run or as runs of one. */
function levels(values: readonly number[], packed: boolean): number[] {
  const runs = packed ? pack(values) : values.flatMap((value) => [2, value]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(runs.length);
  return [...length, ...runs];
}

function pack(values: readonly number[]): number[] {
  const width = 2 + (values.some((value) => value > 3) ? 1 : 0);
  const groups = Math.ceil(values.length / 8);
  const bytes = new Uint8Array(groups * width);
  for (const [i, value] of values.entries())
    for (let bit = 0; bit < width; bit++) {
      const at = i * width + bit;
      if ((value >> bit) & 1) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7));
    }
  return [...varint(2 * groups + 1), ...bytes];
}

function page(entries: readonly Entry[], packed: boolean): Buffer {
  const values = entries.flatMap(([, , value]) => (value === undefined ? [] : [value]));
  const plain = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) plain.writeInt32LE(value, 4 * i);
  const definitions = entries.map(([, definition]) => definition);
  const content = [
    ...levels(
      entries.map(([repetition]) => repetition),
      packed,
    ),
    // Three bits each, whatever their values.
    ...levels(definitions, packed && definitions.some((value) => value > 3)),
    ...plain,
  ];
  const size = varint(2 * content.length);
  const header = [0x15, 0, 0x15, ...size, 0x15, ...size, 0x2c, 0x15, ...varint(2 * entries.length)];
  return Buffer.from([...header, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0, ...content]);
}

async function readPages(pages: readonly Buffer[], values: number): Promise<unknown[]> {
  const bytes = Buffer.concat(pages);
  const path = schema();
  const name = (path.at(-1) as SchemaTree).path.join(".");
  const chunk = { start: 0, end: bytes.length, values, codec: "UNCOMPRESSED", type: "INT32" } as const;
  const reader = await ColumnReader.open(bytesSource("deep.parquet", "", bytes), { name, path }, chunk);
  const rows: unknown[] = [];
  for (let count = await reader.available(); count > 0; count = await reader.available())
    rows.push(...Array.from(reader.take(count)));
  return rows.map((row) => assembleValue(path[1] as SchemaTree, new Map([[name, row]])));
}

it("reads lists of lists however they are cut into pages", async () => {
  const random = randomOf(11);
  const list = <T>(make: () => T): (T | null)[] =>
    Array.from({ length: random(4) }, () => (random(4) === 0 ? null : make()));
  for (let round = 0; round < 150; round++) {
    const rows: Deep[] = Array.from({ length: 1 + random(12) }, () =>
      random(6) === 0 ? null : list(() => list(() => random(1000))),
    );
    const entries = shred(rows);
    const pages: Buffer[] = [];
    for (let at = 0; at < entries.length; ) {
      const size = 1 + random(7);
      pages.push(page(entries.slice(at, at + size), random(2) === 0));
      at += size;
    }
    expect(await readPages(pages, entries.length)).toEqual(rows);
  }
});

it("refuses a list that begins in the middle of a row", async () => {
  await expect(readPages([page([[1, 5, 7]], false)], 1)).rejects.toThrow(/does not begin with a row/);
});

it("refuses a row of too many values", async () => {
  const many = Array.from({ length: 500_000 }, (_, i): Entry => [i === 0 ? 0 : 2, 5, 1]);
  const rest = many.map((): Entry => [2, 5, 1]);
  await expect(readPages([page(many, true), page(rest, true), page(rest, true)], 1_500_000)).rejects.toThrow(
    /a row has more than \d+ values/,
  );
});
