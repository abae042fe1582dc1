// Values where the Jinja engine (@huggingface/jinja) differs from Python's Jinja: how they are written, which are equal, and the
// methods of strings. Values that Python writes differently are refused.

/** What str.strip() removes: not U+FEFF, but also the separators of files, groups, records and units, and U+0085. */
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const pythonSpace = new RegExp(`[${SPACE}]`);
const word = new RegExp(`[^${SPACE}]+`, "g");

/** Which ends of a text each of Python's methods strips. */
const STRIPS = {
  strip: { start: true, end: true },
  lstrip: { start: true, end: false },
  rstrip: { start: false, end: true },
};
/** Python writes numbers with an exponent from LARGE on and below SMALL. */
const LARGE = 1e16;
const SMALL = 1e-4;

/** @param reason a sentence about the template: "it …" */
const fail = (reason) => new Error(reason);

/** Python's str(). */
function written({ type, value }) {
  if (type === "StringValue") return value;
  if (type === "UndefinedValue") return "";
  if (type === "NullValue") return "None";
  if (type === "BooleanValue") return value ? "True" : "False";
  if (type === "IntegerValue" && Number.isSafeInteger(value)) return String(value + 0);
  if (type === "FloatValue" && (value === 0 || (Math.abs(value) < LARGE && Math.abs(value) >= SMALL))) {
    if (Object.is(value, -0)) return "-0.0";
    return Number.isInteger(value) ? value.toFixed(1) : String(value);
  }
  const kind = type.replace(/Value$/, "").toLowerCase();
  throw fail(`it writes a value of the kind ${kind}, which Python writes in a way of its own`);
}

const NUMBERS = ["IntegerValue", "FloatValue", "BooleanValue"];

/** Python's ==. */
function isEqual(a, b) {
  if (NUMBERS.includes(a.type) && NUMBERS.includes(b.type)) return Number(a.value) === Number(b.value);
  const [one, other] = [a.type, b.type].sort();
  if (one === "ArrayValue" && other === "TupleValue") throw fail("it compares a list and a tuple");
  if (one !== other) return false;
  if (one === "StringValue") return a.value === b.value;
  if (one === "NullValue" || one === "UndefinedValue") return true;
  if (one === "ArrayValue" || one === "TupleValue")
    return a.value.length === b.value.length && a.value.every((item, i) => isEqual(item, b.value[i]));
  if (one === "ObjectValue")
    return (
      a.value.size === b.value.size &&
      [...a.value].every(([key, item]) => b.value.has(key) && isEqual(item, b.value.get(key)))
    );
  return a === b;
}

/** Replaces methods of the engine's strings by Python's. Its own strip only white space, and not the same characters. */
function stringsAsPython(prototype, { StringValue, ArrayValue, BooleanValue }) {
  const { get } = Object.getOwnPropertyDescriptor(prototype, "builtins");
  Object.defineProperty(prototype, "builtins", {
    get() {
      if (this._builtins !== undefined) return this._builtins;
      const builtins = get.call(this);
      const text = this.value;
      const define = (name, method) => {
        builtins.get(name).value = method;
      };
      for (const [name, sides] of Object.entries(STRIPS))
        define(name, (args) => new StringValue(strip(text, charactersOf(name, args), sides)));
      for (const [name, matches] of Object.entries({
        startsWith: (part) => text.startsWith(part),
        endsWith: (part) => text.endsWith(part),
      }))
        define(name.toLowerCase(), (args) => new BooleanValue(partsOf(name.toLowerCase(), args).some(matches)));
      define("split", (args) => new ArrayValue(split(text, args).map((part) => new StringValue(part))));
      define("title", () => new StringValue(titleWords(text)));
      define("capitalize", () => new StringValue(capitalized(text)));
      return builtins;
    },
  });
}

/** The argument of strip(), lstrip() and rstrip(); undefined for white space. */
function charactersOf(name, [characters, ...more]) {
  if (more.length > 0 || ![undefined, "NullValue", "StringValue"].includes(characters?.type))
    throw fail(`it calls ${name}() with something other than a string of the characters to strip`);
  return characters?.type === "StringValue" ? new Set(characters.value) : undefined;
}

function partsOf(name, [given, ...more]) {
  const parts = given?.type === "TupleValue" ? given.value : [given];
  if (more.length > 0 || parts.some((part) => part?.type !== "StringValue"))
    throw fail(`it calls ${name}() with something other than a string or a tuple of strings`);
  return parts.map(({ value }) => value);
}

function strip(text, characters, { start: atStart, end: atEnd }) {
  const goes = (character) => (characters === undefined ? pythonSpace.test(character) : characters.has(character));
  let [start, end] = [0, text.length];
  while (atStart && start < end) {
    const first = String.fromCodePoint(text.codePointAt(start));
    if (!goes(first)) break;
    start += first.length;
  }
  while (atEnd && end > start) {
    // The last code point: contents are well-formed.
    const last = /[\uDC00-\uDFFF]/.test(text[end - 1]) ? text.slice(end - 2, end) : text[end - 1];
    if (!goes(last)) break;
    end -= last.length;
  }
  return text.slice(start, end);
}

function split(text, [separator, limit, ...more]) {
  const isLimit = limit === undefined || limit.type === "IntegerValue";
  if (more.length > 0 || !isLimit || ![undefined, "NullValue", "StringValue"].includes(separator?.type))
    throw fail("it calls split() with something other than a separator and a number");
  const most = limit === undefined || limit.value < 0 ? Number.POSITIVE_INFINITY : limit.value;
  if (separator?.type === "StringValue") {
    if (separator.value === "") throw fail("it splits at an empty separator");
    const parts = text.split(separator.value);
    return parts.length <= most + 1 ? parts : [...parts.slice(0, most), parts.slice(most).join(separator.value)];
  }
  const words = [...text.matchAll(word)];
  if (words.length <= most) return words.map(([found]) => found);
  return [...words.slice(0, most).map(([found]) => found), text.slice(words[most].index)];
}

/** Other letters change case differently in Python. Marks (template-engine.cjs) are accepted, and show the change. */
function ascii(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters of ASCII.
  if (!/^[\x00-\x7f\uf8fe\uf8ff]*$/.test(text))
    throw fail("it changes the case of letters outside ASCII, which is not supported");
  return text;
}

const capitalized = (text) => ascii(text).slice(0, 1).toUpperCase() + text.slice(1).toLowerCase();
/** str.title(): capitalises a letter after anything that is not a letter. */
const titleWords = (text) => ascii(text).replace(/[A-Za-z]+/g, capitalized);
/** Jinja's filter `title`: capitalises after white space, hyphens and brackets. */
const titleFilter = (text) =>
  ascii(text)
    .split(/([-\s({[<]+)/)
    .map(capitalized)
    .join("");

module.exports = {
  capitalized,
  charactersOf,
  fail,
  isEqual,
  pythonSpace,
  strip,
  STRIPS,
  stringsAsPython,
  titleFilter,
  written,
};
