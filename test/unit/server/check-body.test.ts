import Type, { type TSchema } from "typebox";
import { describe, expect, it } from "vitest";
import { checkBody } from "../../../src/server/check-body.ts";

const optional = (schema: TSchema) => Type.Optional(Type.Union([schema, Type.Null()]));
const texts = Type.Union([Type.String(), Type.Array(Type.String())]);
const schema = Type.Object({
  input: texts,
  documents: optional(Type.Array(Type.Union([Type.String(), Type.Object({ text: Type.String() })]))),
  top_n: optional(Type.Integer({ minimum: 0 })),
  encoding_format: optional(Type.Union([Type.Literal("float"), Type.Literal("base64")])),
});

function problem(body: unknown): { message: string; field?: string } {
  try {
    checkBody(schema, body);
  } catch (error) {
    return error as { message: string; field?: string };
  }
  throw new Error("The body was accepted.");
}

describe("checkBody", () => {
  it.each([
    { input: "a" },
    { input: [], top_n: null, documents: null, encoding_format: null },
    { input: ["a"], top_n: 3, documents: ["a", { text: "b", title: 1 }], further: { fields: true } },
  ])("accepts %j", (body) => {
    expect(() => checkBody(schema, body)).not.toThrow();
  });

  it.each([
    [{}, "input", "input is missing: expected a string or an array of strings."],
    [{ input: 3 }, "input", "Expected a string or an array of strings for input but received 3."],
    [{ input: null }, "input", "Expected a string or an array of strings for input but received null."],
    [{ input: ["a", 3] }, "input[1]", "Expected a string for input[1] but received 3."],
    [{ input: "a", top_n: -1 }, "top_n", "Expected a whole number of 0 or more for top_n but received -1."],
    [{ input: "a", top_n: 1.5 }, "top_n", "Expected a whole number of 0 or more for top_n but received 1.5."],
    [
      { input: "a", documents: [{ title: "a" }] },
      "documents[0].text",
      "documents[0].text is missing: expected a string.",
    ],
    [
      { input: "a", documents: ["a", 1] },
      "documents[1]",
      'Expected a string or an object with "text" for documents[1] but received 1.',
    ],
    [
      { input: "a", encoding_format: "hex" },
      "encoding_format",
      'Expected "float" or "base64" for encoding_format but received the string "hex".',
    ],
  ])("says of %j what is wrong in %s", (body, field, message) => {
    expect(problem(body)).toMatchObject({ code: "ERR_INVALID_ARGUMENT", field, message });
  });

  it.each([null, 1, "a", [], [1]])("refuses a body that is %j", (body) => {
    expect(problem(body).message).toMatch(/^Expected an object with "input" for the request's body but received /);
  });
});
