/** Bodies that are nearly right: fields of all dialects, with values of all kinds. */
import { createHash } from "node:crypto";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { dialects } from "../../../src/server/dialects/index.ts";

const FIELDS = [
  ...new Set(dialects.flatMap(({ body }) => Object.keys((body as unknown as { properties: object }).properties))),
  ...["parameters", "function_to_apply", "__proto__", "constructor", ""],
];
const TEXTS = [
  ...["", "a", "Hi there", "\ud800", "\u0000", "float", "base64", "none", "user", "assistant"],
  "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>",
  "[INST] Hi [/INST] Hello</s>",
  "<|im_start|>",
];
const NUMBERS = [0, 1, -1, 2, 1.5, 1e308, -0, 2 ** 53];

export function randomFrom(seed: string) {
  const generator = xoroshiro128plus(createHash("sha256").update(seed).digest().readInt32LE());
  const upTo = (count: number) => uniformInt(generator, 0, count - 1);
  const oneOf = <T>(values: readonly T[]): T => values[upTo(values.length)] as T;

  const object = (depth: number): object => {
    const entries = Array.from({ length: upTo(5) }, () => [oneOf(FIELDS), value(depth - 1)]);
    return JSON.parse(JSON.stringify(Object.fromEntries(entries)));
  };
  const turn = () => ({
    role: oneOf(["user", "assistant", "system", "tool"]),
    content: oneOf<unknown>([...TEXTS, null]),
  });

  function value(depth: number): unknown {
    switch (upTo(depth > 0 ? 10 : 6)) {
      case 0:
        return null;
      case 1:
        return upTo(2) === 0;
      case 2:
        return oneOf(NUMBERS);
      case 6:
        return Array.from({ length: upTo(4) }, () => value(depth - 1));
      case 7:
        return object(depth);
      case 8:
        return Array.from({ length: upTo(4) }, () => oneOf(TEXTS));
      case 9:
        return Array.from({ length: upTo(4) }, turn);
      default:
        return oneOf(TEXTS);
    }
  }

  /** Mostly a body of one of the dialects, with some of its fields. */
  const body = (): unknown => {
    if (upTo(20) === 0) return value(3);
    const { properties } = oneOf(dialects).body as unknown as { properties: object };
    const names = Object.keys(properties).filter(() => upTo(3) > 0);
    return { ...Object.fromEntries(names.map((name) => [name, value(2)])), ...(upTo(3) === 0 ? object(2) : {}) };
  };
  return { body };
}
