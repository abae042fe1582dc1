// Where the Jinja engine (@huggingface/jinja) writes values in another way than Jinja in Python, as measured: strip("\\n") and
// its like, truth values, None, numbers, and lists and objects, which are refused.

/** Which ends of a text Python's methods of this name strip. */
const STRIPS = {
  strip: { start: true, end: true },
  lstrip: { start: true, end: false },
  rstrip: { start: false, end: true },
};
/** From here on, and below the other, Python writes numbers with an exponent. */
const LARGE = 1e16;
const SMALL = 1e-4;

/**
 * Changes the engine's strings for the whole process.
 *
 * @returns an Interpreter that writes as Python does
 */
exports.asPython = ({ Environment, Interpreter }) => {
  const prototype = Object.getPrototypeOf(new Environment().set("text", ""));
  const StringValue = prototype.constructor;
  stripAsPython(prototype);
  return class PythonInterpreter extends Interpreter {
    evaluateBlock(statements, environment) {
      let text = "";
      for (const statement of statements) {
        const value = this.evaluate(statement, environment);
        // Statements give null, and None is written.
        if (value.type !== "UndefinedValue" && !(value.type === "NullValue" && !isExpression(statement)))
          text += written(value);
      }
      return new StringValue(text);
    }

    evaluateBinaryExpression(node, environment) {
      if (node.operator.value !== "~") return super.evaluateBinaryExpression(node, environment);
      const [left, right] = [this.evaluate(node.left, environment), this.evaluate(node.right, environment)];
      return new StringValue(written(left) + written(right));
    }
  };
};

const EXPRESSIONS = [
  "Identifier",
  "MemberExpression",
  "CallExpression",
  "FilterExpression",
  "Ternary",
  "BinaryExpression",
];

function isExpression({ type }) {
  return EXPRESSIONS.includes(type);
}

function written({ type, value }) {
  if (type === "StringValue") return value;
  if (type === "UndefinedValue") return "";
  if (type === "NullValue") return "None";
  if (type === "BooleanValue") return value ? "True" : "False";
  if (type === "IntegerValue" && Number.isSafeInteger(value)) return String(value);
  if (type === "FloatValue" && (value === 0 || (Math.abs(value) < LARGE && Math.abs(value) >= SMALL)))
    return Number.isInteger(value) ? value.toFixed(1) : String(value);
  const kind = type.replace(/Value$/, "").toLowerCase();
  throw new Error(`it writes a value of the kind ${kind}, which Python writes in a way of its own`);
}

/** Lets strip("\\n") and its like strip what they are told to: the engine's own strip white space, whatever they are given. */
function stripAsPython(prototype) {
  const StringValue = prototype.constructor;
  const { get } = Object.getOwnPropertyDescriptor(prototype, "builtins");
  Object.defineProperty(prototype, "builtins", {
    get() {
      if (this._builtins !== undefined) return this._builtins;
      const builtins = get.call(this);
      for (const [name, sides] of Object.entries(STRIPS)) {
        const method = builtins.get(name);
        const stripSpace = method.value;
        method.value = ([characters, ...more]) => {
          if (characters === undefined || characters.type === "NullValue") return stripSpace([]);
          if (characters.type !== "StringValue" || more.length > 0)
            throw new Error(`${name}() takes a string of the characters to strip`);
          return new StringValue(strip(this.value, new Set(characters.value), sides));
        };
      }
      return builtins;
    },
  });
}

function strip(text, characters, { start: atStart, end: atEnd }) {
  let [start, end] = [0, text.length];
  while (atStart && start < end) {
    const first = String.fromCodePoint(text.codePointAt(start));
    if (!characters.has(first)) break;
    start += first.length;
  }
  while (atEnd && end > start) {
    // The last code point: contents are well formed.
    const last = /[\uDC00-\uDFFF]/.test(text[end - 1]) ? text.slice(end - 2, end) : text[end - 1];
    if (!characters.has(last)) break;
    end -= last.length;
  }
  return text.slice(start, end);
}
