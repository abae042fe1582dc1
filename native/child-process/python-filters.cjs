// Filters and tests as in Python's Jinja. Some return an iterator there, which can be used once and is not a list.
const {
  capitalized,
  charactersOf,
  fail,
  isEqual,
  strip,
  STRIPS,
  titleFilter,
  written,
} = require("./python-values.cjs");

/** Filters of the engine that behave as Python's. */
const OWN = ["abs", "dictsort", "indent", "lower", "map", "replace", "reverse", "sort", "upper"];
/** Filters that return an iterator in Python. */
const LAZY = ["items", "map", "rejectattr", "reverse", "selectattr", "unique"];
// biome-ignore lint/suspicious/noControlCharactersInRegex: str.splitlines() ends lines at them.
const LINE_ENDS = /[\r\v\f\x1c-\x1e\x85\u2028\u2029]/;
const FLOAT = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

exports.pythonFilters = (classes) => {
  const { StringValue, ArrayValue, ObjectValue, BooleanValue, IntegerValue, FloatValue, UndefinedValue } = classes;
  const lazy = new WeakSet();
  const used = new WeakSet();

  function use(value) {
    if (!lazy.has(value)) return value;
    if (used.has(value)) throw fail("it takes the result of a filter twice, which Python gives once");
    used.add(value);
    return value;
  }

  const list = (value) => {
    if (value instanceof ArrayValue) return use(value).value;
    if (value instanceof StringValue) return Array.from(value.value, (c) => new StringValue(c));
    if (value.type === "UndefinedValue") return [];
    throw fail("it uses a filter for lists on something that is not a list");
  };

  const tests = {
    defined: (a) => a.type !== "UndefinedValue",
    undefined: (a) => a.type === "UndefinedValue",
    number: (a) => ["IntegerValue", "FloatValue", "BooleanValue"].includes(a.type),
    iterable: (a) => a instanceof ArrayValue || ["StringValue", "ObjectValue", "UndefinedValue"].includes(a.type),
    sequence: (a) =>
      !lazy.has(a) && (a instanceof ArrayValue || ["StringValue", "ObjectValue", "UndefinedValue"].includes(a.type)),
    lower: (a) => a.type === "StringValue" && a.value === a.value.toLowerCase() && a.value !== a.value.toUpperCase(),
    upper: (a) => a.type === "StringValue" && a.value === a.value.toUpperCase() && a.value !== a.value.toLowerCase(),
    equalto: isEqual,
    eq: isEqual,
    "==": isEqual,
    ne: (a, b) => !isEqual(a, b),
    "!=": (a, b) => !isEqual(a, b),
    in: (a, b) => list(b).some((item) => isEqual(item, a)),
  };
  let allTests = new Map();

  /** The arguments by the names of Python's parameters. Unknown ones are refused. */
  function parameters({ name, args, named }, names) {
    const given = new Map(names.map((parameter, i) => [parameter, args[i] ?? named.get(parameter)]));
    const unexpected = [...named.keys()].find((key) => !names.includes(key));
    if (args.length > names.length || unexpected !== undefined)
      throw fail(`it uses the filter "${name}" with arguments that are not supported`);
    return given;
  }

  const filters = {
    string: (value) => new StringValue(written(value)),
    length(value) {
      if (lazy.has(value)) throw fail("it takes the length of what is not a list in Python");
      if (value instanceof ObjectValue) return new IntegerValue(value.value.size);
      return new IntegerValue(list(value).length);
    },
    list: (value) => new ArrayValue(value instanceof ObjectValue ? value.keys().value : list(value).slice()),
    first: (value) => list(value)[0] ?? new UndefinedValue(),
    last(value) {
      if (lazy.has(value)) throw fail("it takes the last of what is not a list in Python");
      return list(value).at(-1) ?? new UndefinedValue();
    },
    capitalize: (value) => new StringValue(capitalized(written(value))),
    title: (value) => new StringValue(titleFilter(written(value))),
    trim(value, call) {
      const chars = parameters(call, ["chars"]).get("chars");
      return new StringValue(strip(written(value), charactersOf("trim", chars ? [chars] : []), STRIPS.strip));
    },
    join(value, call) {
      const separator = parameters(call, ["d"]).get("d");
      return new StringValue(
        list(value)
          .map(written)
          .join(separator === undefined ? "" : written(separator)),
      );
    },
    default(value, call) {
      const given = parameters(call, ["default_value", "boolean"]);
      const replaced =
        value.type === "UndefinedValue" || (given.get("boolean")?.__bool__().value && !value.__bool__().value);
      return replaced ? (given.get("default_value") ?? new StringValue("")) : value;
    },
    int(value, call) {
      const fallback = parameters(call, ["default"]).get("default") ?? new IntegerValue(0);
      const number = numberOf(value, "int");
      return number === undefined ? fallback : new IntegerValue(Math.trunc(number) + 0);
    },
    float(value, call) {
      const fallback = parameters(call, ["default"]).get("default") ?? new FloatValue(0);
      const number = numberOf(value, "float");
      return number === undefined ? fallback : new FloatValue(number);
    },
    unique(value, call) {
      parameters(call, []);
      const same = (a, b) =>
        a.type === "StringValue" && b.type === "StringValue"
          ? a.value.toLowerCase() === b.value.toLowerCase()
          : isEqual(a, b);
      const kept = [];
      for (const item of list(value)) if (!kept.some((other) => same(item, other))) kept.push(item);
      return new ArrayValue(kept);
    },
    items(value) {
      if (!(value instanceof ObjectValue)) throw fail('it uses the filter "items" on something other than an object');
      return new ArrayValue(value.items().value);
    },
    selectattr: (value, call) => selected(value, call, true),
    rejectattr: (value, call) => selected(value, call, false),
    tojson(value, call, own) {
      const given = parameters({ ...call, args: [] }, ["ensure_ascii", "indent", "separators", "sort_keys"]);
      if (call.args.length > 0 || given.get("sort_keys")?.value || given.get("indent")?.value === 0)
        throw fail('it uses the filter "tojson" with arguments that are not supported');
      if (value.type === "FloatValue") return new StringValue(written(value));
      checkJson(value);
      return own();
    },
  };
  filters.count = filters.length;
  filters.d = filters.default;

  function selected(value, { name, args, named }, wanted) {
    const [attribute, test, ...operands] = args;
    const isKnown = attribute?.type === "StringValue" && !/[.\d]/.test(attribute.value) && named.size === 0;
    const found = test === undefined ? (item) => item.__bool__().value : allTests.get(test.value);
    if (!isKnown || found === undefined || operands.length > 1)
      throw fail(`it uses the filter "${name}" with arguments that are not supported`);
    const kept = list(value).filter((item) => {
      if (!(item instanceof ObjectValue)) throw fail(`it uses the filter "${name}" on something other than objects`);
      const part = item.value.get(attribute.value) ?? new UndefinedValue();
      return found(part, ...operands) === wanted;
    });
    return new ArrayValue(kept);
  }

  /** undefined for a value that is not a number. */
  function numberOf({ type, value }, name) {
    if (["IntegerValue", "FloatValue", "BooleanValue"].includes(type)) return Number(value);
    if (type === "NullValue") return undefined;
    if (type !== "StringValue" || /_|inf|nan|[^\0-\x7f]/i.test(value))
      throw fail(`it uses the filter "${name}" on a value for which it is not supported`);
    const text = strip(value, undefined, STRIPS.strip);
    return FLOAT.test(text) ? Number(text) : undefined;
  }

  function checkJson(value) {
    const isPlain = value.type !== "FloatValue" || (!Number.isInteger(value.value) && written(value) !== "");
    if (!isPlain || value.type === "UndefinedValue" || value.type === "TupleValue" || lazy.has(value))
      throw fail('it uses the filter "tojson" on a value for which it is not supported');
    if (value.type === "IntegerValue") written(value);
    if (value instanceof ArrayValue) value.value.forEach(checkJson);
    if (value instanceof ObjectValue) for (const item of value.value.values()) checkJson(item);
  }

  function checkIndent(value, call) {
    const given = parameters(call, ["width", "first", "blank"]);
    const isEmptyFirst = given.get("first") !== undefined && /^(\n|$)/.test(value.value);
    if (value.type !== "StringValue" || LINE_ENDS.test(value.value) || isEmptyFirst)
      throw fail('it uses the filter "indent" on a text for which it is not supported');
  }

  return {
    lazy,
    use,
    testsAsPython(known) {
      for (const [name, test] of Object.entries(tests)) known.set(name, test);
      allTests = known;
    },
    /** @param own calls the engine's own filter */
    applyFilter(operand, call, own) {
      const { name } = call;
      if (!Object.hasOwn(filters, name) && !OWN.includes(name))
        throw fail(`it uses the filter "${name}", which is not supported`);
      if (name === "indent") checkIndent(operand, call);
      let result;
      if (Object.hasOwn(filters, name)) result = filters[name](operand, call, own);
      else {
        use(operand);
        result = own();
      }
      if (LAZY.includes(name) && result instanceof ArrayValue) {
        lazy.add(result);
        result.__bool__ = () => new BooleanValue(true);
      }
      return result;
    },
  };
};
