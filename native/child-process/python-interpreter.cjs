// The interpreter of @huggingface/jinja, corrected where Python's Jinja differs: scopes of loops, macros and blocks, equality,
// undefined values, positions in strings. What is not reproduced is refused by name.
const { pythonFilters } = require("./python-filters.cjs");
const { PYTHON_MEMBERS } = require("./python-members.cjs");
const { fail, isEqual, stringsAsPython, written } = require("./python-values.cjs");

/** Names that transformers may pass to templates: special tokens of the tokenizer, and Jinja's globals. */
const UNKNOWN_NAME = /_token$|^additional_special_tokens$/;
const KNOWN_TOKENS = ["bos_token", "eos_token", "unk_token", "pad_token"];
const GLOBALS = ["self", "dict", "joiner", "cycler", "lipsum"];

const EXPRESSIONS = [
  "Identifier",
  "MemberExpression",
  "CallExpression",
  "FilterExpression",
  "Ternary",
  "SelectExpression",
  "BinaryExpression",
];

/** Thrown by `break` and `continue`, with the text of this iteration so far. */
class LoopControl extends Error {
  text = "";

  constructor(isBreak) {
    super("it has a break or continue outside of a loop");
    this.isBreak = isBreak;
  }
}

/**
 * Changes the engine's strings and tests for the whole process.
 *
 * @returns an Interpreter that writes as Python does
 */
exports.asPython = ({ Environment, Interpreter }) => {
  const make = (value) => new Environment().set("value", value);
  const [text, integer] = [make(""), make(0)];
  const StringValue = text.constructor;
  const ArrayValue = make([]).constructor;
  const ObjectValue = make({}).constructor;
  const BooleanValue = make(true).constructor;
  const IntegerValue = integer.constructor;
  const FunctionValue = make(() => null).constructor;
  const UndefinedValue = make(undefined).constructor;
  const classes = { StringValue, ArrayValue, ObjectValue, BooleanValue, IntegerValue, UndefinedValue };
  stringsAsPython(Object.getPrototypeOf(text), classes);
  const { applyFilter, lazy, use, testsAsPython } = pythonFilters({ ...classes, FloatValue: make(0.5).constructor });
  testsAsPython(new Environment().tests);

  return class PythonInterpreter extends Interpreter {
    /** Scopes of macro bodies. Their `caller` is not visible in the macros that they call. */
    #macroScopes = new WeakSet();

    evaluate(statement, environment) {
      if (statement?.type === "Break" || statement?.type === "Continue")
        throw new LoopControl(statement.type === "Break");
      return super.evaluate(statement, environment);
    }

    evaluateBlock(statements, environment) {
      let text = "";
      for (const statement of statements) {
        try {
          const value = isSafe(statement)
            ? this.evaluate(statement.operand, environment)
            : this.evaluate(statement, environment);
          // Statements return null and write nothing; None is written.
          if (value.type !== "NullValue" || EXPRESSIONS.includes(statement.type)) text += written(value);
        } catch (error) {
          if (error instanceof LoopControl) error.text = text + error.text;
          throw error;
        }
      }
      return new StringValue(text);
    }

    evaluateIdentifier(node, environment) {
      const name = node.value;
      for (let scope = environment; scope !== undefined; scope = scope.parent)
        if (scope.variables.has(name)) return scope.variables.get(name);
      if (GLOBALS.includes(name) || (UNKNOWN_NAME.test(name) && !KNOWN_TOKENS.includes(name)))
        throw fail(`it uses ${name}, which is not supported`);
      return new UndefinedValue();
    }

    evaluateSet(node, environment) {
      if (node.assignee.value === "loop") throw fail("it sets loop, which Jinja sets");
      const scope = node.value ? environment : new Environment(environment);
      if (scope === environment) return super.evaluateSet(node, environment);
      const body = this.evaluateBlock(node.body, scope);
      if (node.assignee.type !== "Identifier") throw fail("it sets something other than a variable to a block");
      environment.setVariable(node.assignee.value, body);
      return super.evaluate({ type: "Comment" }, environment);
    }

    evaluateFilterStatement(node, environment) {
      return super.evaluateFilterStatement(node, new Environment(environment));
    }

    evaluateMacro(node, environment) {
      const given = super.evaluateMacro(node, environment);
      const { value: call } = environment.variables.get(node.name.value);
      const macro = new FunctionValue((args, scope) => {
        // A macro sees the variables of the place where it is defined, not of the call.
        const own = new Environment(environment);
        this.#macroScopes.add(own);
        const caller = this.#macroScopes.has(scope.parent) ? undefined : scope.variables.get("caller");
        if (caller !== undefined) own.setVariable("caller", caller);
        return call(args, own);
      });
      environment.setVariable(node.name.value, macro);
      return given;
    }

    evaluateFor(node, environment) {
      const { iterable: source, loopvar } = node;
      const selects = source.type === "SelectExpression";
      const given = this.evaluate(selects ? source.lhs : source, environment);
      if (!(given instanceof ArrayValue || given instanceof ObjectValue))
        throw fail(`it loops over ${kindOf(given)}, which is not supported`);
      const all = given instanceof ObjectValue ? given.keys().value : use(given).value;
      const scopeOf = (item) => {
        const scope = new Environment(environment);
        assign(loopvar, item, scope);
        return scope;
      };
      const items = selects ? all.filter((item) => this.evaluate(source.test, scopeOf(item)).__bool__().value) : all;
      let text = "";
      let isEmpty = true;
      for (const [i, item] of items.entries()) {
        // Each pass has a scope of its own.
        const scope = scopeOf(item);
        scope.setVariable("loop", loopValue(items, i));
        try {
          text += this.evaluateBlock(node.body, scope).value;
          isEmpty = false;
        } catch (error) {
          if (!(error instanceof LoopControl)) throw error;
          text += error.text;
          if (error.isBreak) break;
        }
      }
      if (isEmpty) text += this.evaluateBlock(node.defaultBlock, new Environment(environment)).value;
      return new StringValue(text);
    }

    evaluateBinaryExpression(node, environment) {
      const operator = node.operator.value;
      if (operator === "and" || operator === "or") return super.evaluateBinaryExpression(node, environment);
      const [left, right] = [this.evaluate(node.left, environment), this.evaluate(node.right, environment)];
      if (operator === "~") return new StringValue(written(left) + written(right));
      if (operator === "==") return new BooleanValue(isEqual(left, right));
      if (operator === "!=") return new BooleanValue(!isEqual(left, right));
      if ((operator === "in" || operator === "not in") && right instanceof ArrayValue)
        return new BooleanValue(use(right).value.some((item) => isEqual(item, left)) === (operator === "in"));
      if (lazy.has(left) || lazy.has(right)) throw fail("it computes with the result of a filter that is not a list");
      if (operator === "+" && left.type !== right.type && !(isNumber(left) && isNumber(right)))
        throw fail(`it adds ${kindOf(right)} to ${kindOf(left)}`);
      if (isNumber(left) && isNumber(right)) {
        const [a, b] = [left.value, right.value];
        if (["/", "//", "%"].includes(operator) && b === 0) throw fail("it divides by zero");
        if (operator === "%") {
          const rest = a % b;
          const value = rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
          const isFloat = left.type === "FloatValue" || right.type === "FloatValue";
          return new (isFloat ? (left.type === "FloatValue" ? left : right).constructor : IntegerValue)(value + 0);
        }
      }
      const literal = (value) => ({ type: "Value", value });
      const values = { ...node, left: literal(left), right: literal(right) };
      return super.evaluateBinaryExpression.call({ evaluate: ({ value }) => value }, values, environment);
    }

    evaluateSliceExpression(object, expression, environment) {
      const [start, stop, step] = [expression.start, expression.stop, expression.step].map((bound) => {
        const value = this.evaluate(bound, environment);
        if (bound === undefined || value.type === "NullValue") return undefined;
        if (value.type !== "IntegerValue") throw fail(`it slices with ${kindOf(value)}`);
        return value.value;
      });
      if (lazy.has(object) || !(object instanceof StringValue || object instanceof ArrayValue))
        throw fail(`it slices ${kindOf(object)}`);
      if (object instanceof StringValue)
        return new StringValue(slice(Array.from(object.value), start, stop, step).join(""));
      return new object.constructor(slice(object.value, start, stop, step));
    }

    evaluateMemberExpression(node, environment) {
      const object = this.evaluate(node.object, environment);
      // messages.0 means messages[0].
      const isName = !node.computed && node.property.type === "Identifier";
      const name = isName ? node.property.value : undefined;
      if (object.type === "UndefinedValue")
        throw fail(`it reads ${name ?? "a part"} of ${node.object.value ?? "a value"}, which is not defined`);
      if (lazy.has(object)) throw fail("it reads a part of the result of a filter that is not a list");
      if (node.computed && node.property.type === "SliceExpression")
        return this.evaluateSliceExpression(object, node.property, environment);
      const property = isName ? undefined : this.evaluate(node.property, environment);
      if (object instanceof StringValue && property?.type === "IntegerValue") {
        const character = Array.from(object.value).at(property.value);
        return character === undefined ? new UndefinedValue() : new StringValue(character);
      }
      const key = name ?? (property.type === "StringValue" ? property.value : undefined);
      if (object.isLoop && key === "changed") throw fail("it uses loop.changed, which is not supported");
      const members = PYTHON_MEMBERS[object.type];
      if (members !== undefined && key !== undefined) {
        const { all, known } = members;
        const isKey = object instanceof ObjectValue && object.value.has(key);
        if (all.includes(key) && (isKey ? isName : !known.includes(key)))
          throw fail(`it uses ${key} of ${kindOf(object)}, which is not supported`);
        if (!all.includes(key) && !isKey) return new UndefinedValue();
      }
      const literal = { type: "StringLiteral", value: key };
      const read = {
        ...node,
        computed: true,
        object: { type: "Value", value: object },
        property: key === undefined ? { type: "Value", value: property } : literal,
      };
      const evaluate = ({ type, value }) => (type === "Value" ? value : new StringValue(value));
      return super.evaluateMemberExpression.call({ evaluate }, read, environment);
    }

    evaluateTestExpression(node, environment) {
      if (!environment.tests.has(node.test.value))
        throw fail(`it uses the test "${node.test.value}", which is not supported`);
      return super.evaluateTestExpression(node, environment);
    }

    applyFilter(operand, node, environment) {
      const name = node.value ?? node.callee.value;
      const [args, named] =
        node.type === "CallExpression" ? this.evaluateArguments(node.args, environment) : [[], new Map()];
      return applyFilter(operand, { name, args, named }, () => super.applyFilter(operand, node, environment));
    }
  };

  function assign(target, value, scope) {
    if (target.type === "Identifier") return scope.setVariable(target.value, value);
    if (!(value instanceof ArrayValue) || value.value.length !== target.value.length)
      throw fail("it unpacks a value into another number of variables");
    target.value.forEach((part, i) => {
      assign(part, value.value[i], scope);
    });
  }

  function loopValue(items, i) {
    const loop = make({
      index: i + 1,
      index0: i,
      revindex: items.length - i,
      revindex0: items.length - i - 1,
      first: i === 0,
      last: i === items.length - 1,
      length: items.length,
      depth: 1,
      depth0: 0,
    });
    loop.value.set("previtem", items[i - 1] ?? new UndefinedValue());
    loop.value.set("nextitem", items[i + 1] ?? new UndefinedValue());
    loop.value.set("cycle", new FunctionValue((args) => args[i % args.length] ?? new UndefinedValue()));
    loop.isLoop = true;
    return loop;
  }
};

/** `| safe` changes how text is concatenated; on text that is only written it has no effect. */
function isSafe({ type, filter }) {
  return type === "FilterExpression" && filter.type === "Identifier" && filter.value === "safe";
}

const isNumber = ({ type }) => type === "IntegerValue" || type === "FloatValue";

const KINDS = {
  ArrayValue: "a list",
  TupleValue: "a tuple",
  ObjectValue: "an object",
  StringValue: "a string",
  IntegerValue: "an integer",
  FloatValue: "a float",
  BooleanValue: "a boolean",
  NullValue: "None",
  UndefinedValue: "a value that is not defined",
};

const kindOf = ({ type }) => KINDS[type] ?? "a function or namespace";

/** Python's slices: a negative step goes backwards. */
function slice(items, start, stop, step = 1) {
  if (step === 0) throw fail("it slices with a step of 0");
  const { length } = items;
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const bound = (value, fallback) =>
    value === undefined ? fallback : Math.min(Math.max(value < 0 ? value + length : value, low), high);
  const [from, to] = step > 0 ? [bound(start, 0), bound(stop, length)] : [bound(start, length - 1), bound(stop, -1)];
  const taken = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) taken.push(items[i]);
  return taken;
}
