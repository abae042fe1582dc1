import { expect, it } from "vitest";
import { rawMembers } from "../../../cli/raw-members.ts";

const written = (source: string) =>
  [...rawMembers(source)].map(([name, raw]) => `,${JSON.stringify(name)}:${raw}`).join("");

it("hands values on as they are written", () => {
  const source = '{ "text" : "x" , "id": 12345678901234567890, "one":1.0 ,"deep":{"a":[1, {"b":"},]\\""}]},"n":null}';
  expect(written(source)).toBe(
    ',"text":"x","id":12345678901234567890,"one":1.0,"deep":{"a":[1, {"b":"},]\\""}]},"n":null',
  );
});

it("knows names that are written with escapes", () => {
  expect(written('{"\\u0074ext":"x","\\"":1}')).toBe(',"text":"x","\\"":1');
});

it("treats __proto__ as a name like any other", () => {
  const text = written('{"__proto__":{"polluted":true}}');
  expect(text).toBe(',"__proto__":{"polluted":true}');
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

it("takes the last of two equal names, as JSON.parse does", () => {
  expect(written('{"a":1,"b":2,"a":3}')).toBe(',"a":3,"b":2');
});

it("puts a value of several lines on one", () => {
  expect(written('{\n  "a": [\n    1,\n    "x"\n  ],\n "b": 2\n}')).toBe(',"a":[ 1, "x" ],"b":2');
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
    const again = JSON.parse(`{"first":0${written(JSON.stringify(object, null, indent))}}`);
    expect(again).toEqual({ first: 0, ...object });
  }
});
