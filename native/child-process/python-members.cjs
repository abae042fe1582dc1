// The public methods of Python's values, and which of them are reproduced.

const STRING =
  "capitalize casefold center count encode endswith expandtabs find format format_map index isalnum isalpha isascii " +
  "isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip maketrans " +
  "partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith " +
  "strip swapcase title translate upper zfill";
const LIST = "append clear copy count extend index insert pop remove reverse sort";
const DICTIONARY = "clear copy fromkeys get items keys pop popitem setdefault update values";

const members = (all, known) => ({ all: all.split(" "), known: known.split(" ") });

/** By the engine's type names. */
exports.PYTHON_MEMBERS = {
  StringValue: members(STRING, "capitalize endswith lower lstrip replace rstrip split startswith strip title upper"),
  ArrayValue: members(LIST, ""),
  TupleValue: members("count index", ""),
  ObjectValue: members(DICTIONARY, "get items keys values"),
};
