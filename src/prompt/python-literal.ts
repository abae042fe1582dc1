/**
 * Python's way of writing lists, dicts and texts, as str() and numpy print them: what a list becomes in a CSV cell. Read
 * only to recognise it: such a text must not be scored as if a person had written it.
 */

export type PythonValue = string | number | boolean | null | readonly PythonValue[] | ReadonlyMap<string, PythonValue>;

/** Lists in lists: more than data sets have, few enough for the call stack. */
const MAX_DEPTH = 64;

/** Whether a text begins as a list, a dict or a call does. */
export function beginsAsLiteral(text: string): boolean {
  return /^(?:[[({]|[A-Za-z_][\w.]{0,63}\()/.test(text.trimStart());
}

/** @returns the list or dict that the whole text is; undefined if it is not one */
export function parsePythonLiteral(text: string): PythonValue | undefined {
  if (!beginsAsLiteral(text) || !"])}".includes(text.trimEnd().at(-1) ?? "x")) return undefined;
  const reader = new Reader(text);
  try {
    const value = reader.value(0);
    return reader.isAtEnd() ? value : undefined;
  } catch (error) {
    if (error instanceof NotPython) return undefined;
    throw error;
  }
}

class NotPython extends Error {}

function isPair(value: PythonValue): value is readonly [PythonValue, PythonValue] {
  return Array.isArray(value) && value.length === 2;
}

const SPACE = /\s*/y;
const NUMBER = /[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const SEPARATORS = /[\s,]*/y;
const KEYWORD = /[A-Za-z_]\w*\s*=(?!=)/y;
const NAME = /[A-Za-z_][\w.]*/y;
const constants: Readonly<Record<string, PythonValue>> = {
  True: true,
  False: false,
  None: null,
  nan: Number.NaN,
  NaN: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
};

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    this.#take(SPACE);
    return this.#at === this.#text.length;
  }

  value(depth: number): PythonValue {
    if (depth > MAX_DEPTH) throw new NotPython();
    this.#take(SPACE);
    const first = this.#text[this.#at];
    if (first === "[" || first === "(") return this.#list(first === "[" ? "]" : ")", depth);
    if (first === "{") return this.#dict(depth);
    if (first === "'" || first === '"') return this.#string();
    const number = this.#take(NUMBER);
    if (number !== "") return Number(number.replaceAll("_", ""));
    return this.#named(depth);
  }

  /** A constant, a text with a prefix (b'…'), or numpy's array([…], dtype=object). */
  #named(depth: number): PythonValue {
    const name = this.#take(NAME);
    if (Object.hasOwn(constants, name)) return constants[name] as PythonValue;
    const next = this.#text[this.#at];
    if (/^[bru]{1,2}$/i.test(name) && (next === "'" || next === '"')) return this.#string();
    if (name === "" || next !== "(") throw new NotPython();
    this.#at += 1;
    if (name !== "array") return this.#call(name, depth);
    const value = this.value(depth + 1);
    this.#take(SPACE);
    this.#take(/(?:,\s*dtype\s*=\s*[^()[\]{}]{1,60})?,?\s*/y);
    this.#expect(")");
    return value;
  }

  /**
   * The repr of an object, Message(role='user', content='a'): a dict of what it names, as far as it is one. A class that is
   * called a message has its role in its name.
   */
  #call(name: string, depth: number): PythonValue {
    const named = new Map<string, PythonValue>();
    const values: PythonValue[] = [];
    for (;;) {
      this.#take(SEPARATORS);
      if (this.#text[this.#at] === ")") break;
      const key = this.#take(KEYWORD);
      const value = this.value(depth + 1);
      if (key === "") values.push(value);
      else named.set(key.slice(0, key.search(/[\s=]/)), value);
    }
    this.#at += 1;
    if (/Message(?:Chunk)?$/.test(name) && named.has("content")) named.set("role", named.get("role") ?? name);
    const [only] = values;
    if (values.length === 1 && named.size === 0) {
      if (only instanceof Map) return only;
      if (Array.isArray(only) && only.length > 0 && only.every(isPair))
        return new Map(only.map(([key, value]) => [String(key), value]));
    }
    return named;
  }

  /** Elements are separated by a comma or, as numpy prints them, by white space; "..." is what numpy left out. */
  #list(end: string, depth: number, opening = 1): readonly PythonValue[] {
    this.#at += opening;
    const elements: PythonValue[] = [];
    for (;;) {
      this.#take(/[\s,]*(?:\.\.\.[\s,]*)?/y);
      if (this.#text[this.#at] === end) break;
      elements.push(this.value(depth + 1));
    }
    this.#at += 1;
    return elements;
  }

  /** Or a set, which is given as a list. */
  #dict(depth: number): ReadonlyMap<string, PythonValue> | readonly PythonValue[] {
    this.#at += 1;
    const members = new Map<string, PythonValue>();
    for (;;) {
      this.#take(SEPARATORS);
      if (this.#text[this.#at] === "}") break;
      const key = this.value(depth + 1);
      this.#take(SPACE);
      if (this.#text[this.#at] !== ":") {
        if (members.size > 0) throw new NotPython();
        return [key, ...this.#list("}", depth, 0)];
      }
      this.#expect(":");
      members.set(String(key), this.value(depth + 1));
    }
    this.#at += 1;
    return members;
  }

  #string(): string {
    const quote = this.#text[this.#at] as string;
    const start = this.#at + 1;
    for (let end = start; ; end += 1) {
      end = this.#text.indexOf(quote, end);
      if (end < 0) throw new NotPython();
      let backslashes = 0;
      while (end - backslashes > start && this.#text[end - 1 - backslashes] === "\\") backslashes += 1;
      if (backslashes % 2 === 1) continue;
      this.#at = end + 1;
      return this.#text.slice(start, end);
    }
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) throw new NotPython();
    this.#at += 1;
  }

  /** What the expression matches here, perhaps nothing. */
  #take(expression: RegExp): string {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }
}
