/** Checks a request's body against its schema, with errors for people: which field, what was expected, what came. */
import type { TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { describe, InvalidInputError } from "../errors.ts";
import { listed } from "../plural.ts";

/** As TypeBox writes the types that bodies have here. */
interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

const validators = new WeakMap<TSchema, Validator>();

/** @throws InvalidInputError ERR_INVALID_ARGUMENT, with the field: "documents[3]" */
export function checkBody(schema: TSchema, body: unknown): void {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = Compile(schema);
    validators.set(schema, validator);
  }
  if (validator.Check(body)) return;
  const { name, value, expected } = problemOf(schema as JsonSchema, body, "") ?? {
    ...{ name: "", value: body, expected: expectedOf(schema as JsonSchema) },
  };
  const where = name === "" ? "the request's body" : name;
  const message =
    value === undefined
      ? `${where} is missing: expected ${expected}.`
      : `Expected ${expected} for ${where} but received ${describe(value)}.`;
  throw new InvalidInputError("ERR_INVALID_ARGUMENT", message, name === "" ? {} : { field: name });
}

interface Problem {
  readonly name: string;
  readonly value: unknown;
  readonly expected: string;
}

/** The innermost value that is wrong; undefined if none is. */
function problemOf(schema: JsonSchema, value: unknown, name: string): Problem | undefined {
  const here = { name, value, expected: expectedOf(schema) };
  if (schema.anyOf !== undefined) {
    const problems = schema.anyOf.map((choice) => problemOf(choice, value, name));
    if (problems.includes(undefined)) return undefined;
    // One that went deeper is of the right type at this level.
    const deeper = problems.filter((problem) => problem !== undefined && problem.name !== name);
    if (deeper.length === 1) return deeper[0];
    const [first] = deeper;
    if (first === undefined || deeper.some((problem) => problem?.name !== first.name)) return here;
    return { ...first, expected: either(deeper.map((problem) => problem?.expected ?? "")) };
  }
  if (schema.const !== undefined) return value === schema.const ? undefined : here;
  if (schema.type === undefined) return undefined;
  if (!isOfType(schema, value)) return here;
  if (Array.isArray(value) && schema.items !== undefined) {
    for (const [i, element] of value.entries()) {
      const problem = problemOf(schema.items, element, `${name}[${i}]`);
      if (problem !== undefined) return problem;
    }
  }
  if (schema.type !== "object") return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  for (const [field, inner] of Object.entries(schema.properties ?? {})) {
    const path = name === "" ? field : `${name}.${field}`;
    const isGiven = Object.hasOwn(fields, field) && fields[field] !== undefined;
    if (!isGiven && !schema.required?.includes(field)) continue;
    if (!isGiven) return { name: path, value: undefined, expected: expectedOf(inner) };
    const problem = problemOf(inner, fields[field], path);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function isOfType(
  { type, minimum = Number.NEGATIVE_INFINITY, maximum = Infinity }: JsonSchema,
  value: unknown,
): boolean {
  switch (type) {
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "null":
      return value === null;
    case "integer":
      return Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum;
    case "number":
      return typeof value === "number" && value >= minimum && value <= maximum;
    default:
      return typeof value === type;
  }
}

/** "a string or an array of strings". */
function expectedOf(schema: JsonSchema): string {
  if (schema.anyOf !== undefined)
    return either(schema.anyOf.filter(({ type }) => type !== "null").map((choice) => expectedOf(choice)));
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  switch (schema.type) {
    case "array":
      return schema.items === undefined ? "an array" : `an array of ${severalOf(schema.items)}`;
    case "object":
      return objectOf(schema);
    case "integer":
      return `a whole number${rangeOf(schema)}`;
    case "number":
      return `a number${rangeOf(schema)}`;
    case "boolean":
      return "true or false";
    default:
      return schema.type === undefined ? "a value" : `a ${schema.type}`;
  }
}

function objectOf({ required = [] }: JsonSchema): string {
  if (required.length === 0) return "an object";
  return `an object with ${required.map((field) => JSON.stringify(field)).join(", ")}`;
}

function rangeOf({ minimum, maximum }: JsonSchema): string {
  if (minimum === undefined) return maximum === undefined ? "" : ` up to ${maximum}`;
  return maximum === undefined ? ` of ${minimum} or more` : ` from ${minimum} to ${maximum}`;
}

const plurals: Readonly<Record<string, string>> = {
  string: "strings",
  integer: "whole numbers",
  number: "numbers",
  object: "objects",
  array: "arrays",
};

function severalOf(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return either(schema.anyOf.map(severalOf));
  if (schema.type === "array" && schema.items !== undefined) return `arrays of ${severalOf(schema.items)}`;
  return plurals[schema.type ?? ""] ?? "values";
}

function either(choices: readonly string[]): string {
  return listed([...new Set(choices)], "or");
}
