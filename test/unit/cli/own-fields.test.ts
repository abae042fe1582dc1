import { expect, it } from "vitest";
import { ownFields, rawMembers } from "../../../cli/own-fields.ts";

it("hands values on as they are written", () => {
  const source = '{ "text" : "x" , "id": 12345678901234567890, "one":1.0 ,"deep":{"a":[1, {"b":"},]\\""}]},"n":null}';
  expect(ownFields(source, new Set(["text"]))).toBe(
    ',"id":12345678901234567890,"one":1.0,"deep":{"a":[1, {"b":"},]\\""}]},"n":null',
  );
});

it("knows names that are written with escapes", () => {
  expect(ownFields('{"\\u0074ext":"x","\\"":1}', new Set(["text"]))).toBe(',"\\"":1');
});

it("treats __proto__ as a name like any other", () => {
  const text = ownFields('{"__proto__":{"polluted":true},"text":"x"}', new Set(["text"]));
  expect(text).toBe(',"__proto__":{"polluted":true}');
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

it("takes the last of two equal names, as JSON.parse does", () => {
  expect(ownFields('{"a":1,"b":2,"a":3}', new Set())).toBe(',"a":3,"b":2');
});

it("puts a value of several lines on one", () => {
  expect(ownFields('{\n  "a": [\n    1,\n    "x"\n  ],\n "b": 2\n}', new Set())).toBe(',"a":[ 1, "x" ],"b":2');
});

it.each(["{}", " { } ", "{\n}"])("finds nothing in %j", (source) => {
  expect(rawMembers(source).size).toBe(0);
});

it("agrees with JSON.parse on objects of all kinds of values", () => {
  const values = [
    "",
    "\\",
    '\\"',
    "}",
    "]",
    ",",
    "\u2028",
    0,
    -1e-7,
    true,
    null,
    [],
    {},
    [[]],
    { "}": ["{", { "": [] }] },
  ];
  for (const indent of [undefined, 2, "\t"]) {
    const object = Object.fromEntries(values.map((value, i) => [`${String(value)}${i}`, value]));
    const again = JSON.parse(`{"first":0${ownFields(JSON.stringify(object, null, indent), new Set())}}`);
    expect(again).toEqual({ first: 0, ...object });
  }
});
