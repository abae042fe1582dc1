/** Column types as parquet's schema, and values as what its writer takes. */
import type { SchemaElement, SchemaTree } from "hyparquet";
import { jsonText } from "../json-text.ts";
import type { ColumnType } from "./column-type.ts";

/** A column of the output. */
export interface ParquetColumn {
  readonly name: string;
  /** Depth first. */
  readonly elements: readonly SchemaElement[];
  /** @param value as parseExactly gives it */
  convert(value: unknown): unknown;
}

const OPTIONAL = { repetition_type: "OPTIONAL" } as const;
const TEXT = { type: "BYTE_ARRAY", converted_type: "UTF8" } as const;

/** What a value of a source's column was before it became JSON: such a column is written as it was. */
type SourceColumn = SchemaTree | undefined;

/** @param dates whether all of its texts are dates */
export function parquetColumn(name: string, type: ColumnType, source: SourceColumn, dates: boolean): ParquetColumn {
  const kept = source === undefined ? undefined : keptColumn(name, type, source, dates);
  return kept ?? inferredColumn(name, type, source, dates);
}

function inferredColumn(name: string, type: ColumnType, source: SourceColumn, dates: boolean): ParquetColumn {
  if (type.kind === "list") return listColumn(name, type.element, elementOf(source), dates);
  if (type.kind === "struct") return structColumn(name, type.fields, source, dates);
  const leaf = (element: Partial<SchemaElement>, convert: (value: unknown) => unknown): ParquetColumn => ({
    name,
    elements: [{ name, ...OPTIONAL, ...element }],
    convert: (value) => (value === null || value === undefined ? null : convert(value)),
  });
  switch (type.kind) {
    case "boolean":
      return leaf({ type: "BOOLEAN" }, (value) => value);
    case "integer":
      return leaf({ type: "INT64" }, (value) => BigInt(value as number | bigint));
    case "unsigned":
      return leaf({ type: "INT64", converted_type: "UINT_64" }, (value) => BigInt(value as number | bigint));
    case "number":
      return leaf({ type: "DOUBLE" }, Number);
    case "json":
      return leaf(TEXT, jsonText);
    default:
      return leaf(TEXT, (value) => value);
  }
}

function listColumn(name: string, element: ColumnType, source: SourceColumn, dates: boolean): ParquetColumn {
  const inner = parquetColumn("element", element, source, dates);
  return {
    name,
    elements: [
      { name, ...OPTIONAL, converted_type: "LIST", num_children: 1 },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      ...inner.elements,
    ],
    convert: (value) => (Array.isArray(value) ? value.map(inner.convert) : null),
  };
}

function structColumn(
  name: string,
  fields: ReadonlyMap<string, ColumnType>,
  source: SourceColumn,
  dates: boolean,
): ParquetColumn {
  const inner = [...fields].map(([field, type]) => parquetColumn(field, type, childOf(source, field), dates));
  return {
    name,
    elements: [{ name, ...OPTIONAL, num_children: inner.length }, ...inner.flatMap(({ elements }) => elements)],
    convert: (value) => {
      if (value === null || value === undefined) return null;
      const members = value as Readonly<Record<string, unknown>>;
      return Object.fromEntries(inner.map((field) => [field.name, field.convert(members[field.name])]));
    },
  };
}

function elementOf(source: SourceColumn): SourceColumn {
  return source?.element.converted_type === "LIST" ? source.children[0]?.children[0] : undefined;
}

function childOf(source: SourceColumn, name: string): SourceColumn {
  return source?.children.find(({ element }) => element.name === name);
}

/** A column whose values JSON holds without loss, with the type that it had; undefined for others. */
function keptColumn(name: string, type: ColumnType, source: SchemaTree, dates: boolean): ParquetColumn | undefined {
  const { element, children } = source;
  if (children.length > 0 || element.repetition_type === "REPEATED") return undefined;
  const kept = keptLeaf(element, type.kind, dates);
  if (kept === undefined) return undefined;
  return {
    name,
    elements: [{ ...element, name, ...OPTIONAL }],
    convert: (value) => (value === null || value === undefined ? null : kept(value)),
  };
}

const NANOSECONDS = { MILLIS: 1_000_000n, MICROS: 1000n, NANOS: 1n };

function keptLeaf(
  element: SchemaElement,
  kind: ColumnType["kind"],
  dates: boolean,
): ((value: unknown) => unknown) | undefined {
  const { type, converted_type: converted, logical_type: logical } = element;
  const isNumber = kind === "integer" || kind === "number" || kind === "none" || kind === "unsigned";
  if (type === "BOOLEAN" && (kind === "boolean" || kind === "none")) return (value) => value;
  const isDate = dates && (kind === "text" || kind === "none");
  const time = timestampUnit(element);
  if (time !== undefined && isDate) return (value) => nanosecondsOf(value as string) / NANOSECONDS[time];
  if (converted === "DATE" && isDate) return (value) => Number(nanosecondsOf(value as string) / DAY);
  if (converted !== undefined && !INTEGERS.has(converted)) return undefined;
  if (logical !== undefined && logical.type !== "INTEGER") return undefined;
  if (!isNumber) return undefined;
  if (type === "FLOAT" || type === "DOUBLE") return Number;
  if (kind === "number") return undefined;
  if (type === "INT32") return Number;
  if (type === "INT64") return (value) => BigInt(value as number | bigint);
  return undefined;
}

const INTEGERS: ReadonlySet<string> = new Set([
  ...["INT_8", "INT_16", "INT_32", "INT_64"],
  ...["UINT_8", "UINT_16", "UINT_32", "UINT_64"],
]);

function timestampUnit({ type, converted_type: converted, logical_type: logical }: SchemaElement) {
  if (type !== "INT64") return undefined;
  if (logical?.type === "TIMESTAMP") return logical.unit;
  if (converted === "TIMESTAMP_MILLIS") return "MILLIS";
  return converted === "TIMESTAMP_MICROS" ? "MICROS" : undefined;
}

const DAY = 86_400_000_000_000n;
const SECOND = 1_000_000_000n;
const MILLISECONDS = 1000;

/** Of an ISO date, with any number of digits after the second. */
function nanosecondsOf(iso: string): bigint {
  const fraction = /\.(\d{1,9})/.exec(iso)?.[1] ?? "";
  const seconds = Date.parse(iso.replace(/\.\d+/, "")) / MILLISECONDS;
  return BigInt(seconds) * SECOND + BigInt(fraction.padEnd(9, "0"));
}
