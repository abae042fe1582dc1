/** Changes to JSON text by its tokens, so that most results are JSON still. */
import { pick, type Random } from "./byte-mutations.ts";

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]|\s+|./gsu;
const NUMBERS = [
  ...["0", "-0", "-1", "1", "0.5", "1e308", "1e400", "-1e400", "1e-320", "4294967296", "2147483648"],
  ...["9007199254740991", "9007199254740992", "9007199254740993", "18446744073709551616", "1048576", "513"],
];
const OTHERS = [
  ...["null", "true", "false", "[]", "{}", '""', '"12"', "[[]]", '{"a":{}}', '"\\u0000"', '"\\ud800"', '"\u2581"'],
  ...['"__proto__"', '"constructor"', '"toString"', '"length"', '"../model.safetensors"', '"/etc/passwd"'],
  ...['"C:\\\\model.bin"', '"a\\\\b.safetensors"', '"a\\u0000.safetensors"', '"model.safetensors/"'],
  '{"__proto__":{"a":1},"constructor":{"name":{"toString":1}}}',
  '{"toString":1,"valueOf":2,"constructor":null,"toJSON":3,"then":4}',
];
const KEYS = ['"__proto__"', '"constructor"', '"hasOwnProperty"', '"__metadata__"', '""', '"0"', '"\\u0000"', '"\\n"'];
/** Beyond what is read, and beyond what a recursion could survive. */
const DEPTHS = [31, 33, 20_000];

export function mutateJson(text: string, random: Random): string {
  const tokens = text.match(TOKEN) ?? [];
  for (let count = 1 + random(3); count > 0 && tokens.length > 0; count--)
    pick(random, mutations)(tokens, random, random(tokens.length));
  return tokens.join("");
}

type Mutation = (tokens: string[], random: Random, at: number) => void;

function seek(tokens: readonly string[], at: number, fits: (token: string) => boolean): number {
  for (let i = 0; i < tokens.length; i++) {
    const index = (at + i) % tokens.length;
    if (fits(tokens[index] as string)) return index;
  }
  return at;
}

const isNumber = (token: string) => /^-?\d/.test(token);
const isValue = (token: string) => /^["\dtfn-]/.test(token);

const replaceNumber: Mutation = (tokens, random, at) => {
  const index = seek(tokens, at, isNumber);
  const value = Number(tokens[index]);
  const near = Number.isFinite(value) ? [value + 1, value - 1, value * 2, -value, value / 2].map(String) : NUMBERS;
  tokens[index] = random(3) === 0 ? pick(random, OTHERS) : pick(random, random(2) === 0 ? near : NUMBERS);
};

const replaceValue: Mutation = (tokens, random, at) => {
  tokens[seek(tokens, at, isValue)] = pick(random, random(3) === 0 ? NUMBERS : OTHERS);
};

const mutations: readonly Mutation[] = [
  replaceNumber,
  replaceNumber,
  replaceValue,
  replaceValue,
  function replaceKey(tokens, random, at) {
    const colon = seek(tokens, at, (token) => token === ":");
    const key = seek(tokens, Math.max(0, colon - 2), (token) => token.startsWith('"'));
    tokens[key] = pick(random, KEYS);
  },
  /** `"key": value,` twice, the value perhaps only the start of one. */
  function duplicateKey(tokens, _random, at) {
    const key = Math.max(
      0,
      tokens.findLastIndex((token, i) => i <= at && token === ":"),
    );
    const start = seek(tokens, Math.max(0, key - 1), (token) => token.startsWith('"'));
    const end = tokens.findIndex((token, i) => i > key && (token === "," || token === "}"));
    if (end > start) tokens.splice(end, 0, ",", ...tokens.slice(start, end));
  },
  function duplicateTokens(tokens, random, at) {
    tokens.splice(at, 0, ...tokens.slice(at, at + 1 + random(40)));
  },
  function remove(tokens, random, at) {
    tokens.splice(at, 1 + random(8));
  },
  function swap(tokens, random, at) {
    const from = seek(tokens, at, isValue);
    const to = seek(tokens, random(tokens.length), isValue);
    [tokens[from], tokens[to]] = [tokens[to] as string, tokens[from] as string];
  },
  function nest(tokens, random, at) {
    const depth = pick(random, DEPTHS);
    const [open, close] = random(2) === 0 ? ["[", "]"] : ['{"a":', "}"];
    const index = seek(tokens, at, isValue);
    tokens[index] = open.repeat(depth) + tokens[index] + close.repeat(depth);
  },
  function lengthen(tokens, random, at) {
    const index = seek(tokens, at, (token) => token.startsWith('"') && token.length > 2);
    const token = tokens[index] as string;
    if (token.startsWith('"')) tokens[index] = `"${token.slice(1, -1).repeat(1 + random(300))}"`;
  },
  function cutOff(tokens, _random, at) {
    tokens.splice(at);
  },
];
