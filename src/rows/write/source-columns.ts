/** The types that columns have in the parquet files that rows are from. */
import type { SchemaTree } from "hyparquet";
import { openFile } from "../../files/byte-source.ts";
import { readFooter } from "../parquet/footer.ts";

/** By name; undefined where the files do not agree, or are not all parquet. */
export async function sourceColumns(paths: readonly string[]): Promise<(name: string) => SchemaTree | undefined> {
  const all: ReadonlyMap<string, SchemaTree>[] = [];
  for (const path of paths) {
    const columns = await columnsOf(path);
    if (columns === undefined) return () => undefined;
    all.push(columns);
  }
  return (name) => {
    const [first, ...others] = all.map((columns) => columns.get(name));
    if (first === undefined) return undefined;
    return others.every((other) => other !== undefined && shapeOf(other) === shapeOf(first)) ? first : undefined;
  };
}

async function columnsOf(path: string): Promise<ReadonlyMap<string, SchemaTree> | undefined> {
  const source = await openFile(path).catch(() => undefined);
  try {
    if (source === undefined) return undefined;
    const { root } = await readFooter(source);
    return new Map(root.children.map((column) => [column.element.name, column]));
  } catch {
    return undefined;
  } finally {
    await source?.close();
  }
}

function shapeOf({ element, children }: SchemaTree): string {
  const { name, type, converted_type: converted, logical_type: logical, type_length: length } = element;
  return JSON.stringify([name, type, converted, logical, length, children.map(shapeOf)]);
}
