// Jinja renders one text, in which content and template text cannot be distinguished. So the template is rendered first with
// marks in place of the contents; the text between the marks is template text. This is only right for templates that copy
// contents or trim them: every conversation is also rendered with its contents, and both results must be equal.
const { asPython } = require("./python-interpreter.cjs");
const { pythonSpace } = require("./python-values.cjs");
const { strftime } = require("./strftime.cjs");

/**
 * White space around a mark shows whether the template trims it: not at all, newlines only, or all white space. There are
 * more newlines than templates put around contents.
 */
const BLANKS = "\t \t";
const NEWLINES = "\n".repeat(8);
/**
 * Private-use characters, which templates neither contain nor change, around words that show whether the template changes
 * letters, which this engine does differently from Python.
 */
const mark = (index) => `\uF8FE${index} aBc dEF\uF8FF`;
/** Before a mark, it shows whether the template changes the first letter of a content. */
const FIRST_LETTER = "a";
const MARK = /\uF8FE(\d+) aBc dEF\uF8FF/;

/** Skeletons that are kept, one per sequence of roles; the conversations of a data set have few. */
const MAX_SKELETONS = 64;
/** Templates count messages; a conversation has few. */
const MAX_RANGE = 10_000;
/** Reasons of the template engine are cut after this many characters. */
const MAX_REASON_CHARACTERS = 300;

/** A failure of the template or the engine: a reason, and a kind if the parent has a message for it. */
class TemplateFailure extends Error {
  constructor(reason, kind) {
    super(reason);
    this.kind = kind;
  }
}

exports.TemplateEngine = class TemplateEngine {
  #jinja;
  #Interpreter;
  #source;
  /** Variables for all conversations; a template cannot change them. */
  #globals;
  #limits;
  #program;
  #skeletons = new Map();

  /** @param setup see TemplateSetup in src/native/template-process.ts */
  constructor({ jinja, source, tokens, date, limits }) {
    this.#jinja = require(jinja);
    this.#Interpreter = asPython(this.#jinja);
    // As Jinja's lexer does.
    this.#source = source.replace(/\r\n?/g, "\n");
    this.#limits = limits;
    this.#globals = new this.#jinja.Environment();
    for (const [name, value] of Object.entries({ ...globals(date), ...tokens })) this.#globals.set(name, value);
  }

  /**
   * @param conversations [roles, contents] of each
   * @returns skeletons, and one outcome per conversation: {reason, kind}, or {skeleton, cuts} with the index of a skeleton and,
   * for each content in the skeleton's order, the start and end of what the template keeps
   */
  render(conversations) {
    const skeletons = new Map();
    const outcomes = conversations.map(([roles, contents]) => {
      try {
        const skeleton = this.#skeletonOf(roles);
        const rendered = this.#text(roles, contents);
        const cuts = cutsOf(skeleton, contents);
        if (rendered !== fill(skeleton, contents, cuts))
          throw new TemplateFailure("it changes the text of this conversation", "changes");
        if (!skeletons.has(skeleton)) skeletons.set(skeleton, skeletons.size);
        return { skeleton: skeletons.get(skeleton), cuts };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return {
          reason: reason.slice(0, MAX_REASON_CHARACTERS),
          kind: error instanceof RangeError ? "broken" : error instanceof TemplateFailure ? error.kind : "",
        };
      }
    });
    const parts = [...skeletons.keys()].map(({ texts, contents }) => ({
      texts,
      contents: contents.map((c) => c.index),
    }));
    return { skeletons: parts, outcomes };
  }

  #skeletonOf(roles) {
    const key = roles.join(" ");
    const known = this.#skeletons.get(key);
    if (known !== undefined) return known;
    const marked = (before, after) =>
      this.#text(
        roles,
        roles.map((_, i) => before + mark(i) + after),
      );
    const skeleton = readSkeleton(roles, marked(NEWLINES + BLANKS, BLANKS + NEWLINES));
    const beginnings = marked(FIRST_LETTER, "").split(MARK);
    if (skeleton.contents.some((_, i) => !beginnings[2 * i]?.endsWith(FIRST_LETTER)))
      throw new TemplateFailure("it changes the text of messages");
    if (this.#skeletons.size >= MAX_SKELETONS) this.#skeletons.clear();
    this.#skeletons.set(key, skeleton);
    return skeleton;
  }

  #text(roles, contents) {
    const { Environment, parse, tokenize } = this.#jinja;
    const environment = new Environment(this.#globals);
    environment.set(
      "messages",
      roles.map((role, i) => ({ role, content: contents[i] })),
    );
    try {
      this.#program ??= parse(tokenize(this.#source, { lstrip_blocks: true, trim_blocks: true }));
    } catch (error) {
      throw new TemplateFailure(error.message, "broken");
    }
    const text = String(new this.#Interpreter(environment).run(this.#program).value);
    const { characters, charactersPerMessage, repeats } = this.#limits;
    const given = contents.reduce((sum, { length }) => sum + length, 0);
    const most = characters + charactersPerMessage * roles.length + repeats * given;
    if (text.length > most) throw new TemplateFailure(`it writes ${text.length} characters, more than ${most}`);
    return text;
  }
};

/** What apply_chat_template passes to a template, except messages and special tokens. */
function globals(date) {
  return {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    add_generation_prompt: false,
    tools: null,
    documents: null,
    range: (...bounds) => range(bounds),
    raise_exception: (message) => {
      throw new TemplateFailure(String(message));
    },
    strftime_now: (format) => {
      if (date === undefined) throw new TemplateFailure("it asks for the date", "date");
      return strftime(date, String(format));
    },
    // The variable in which Llama 3.1 and 3.2 expect the date, in their format.
    ...(date === undefined ? {} : { date_string: strftime(date, "%d %b %Y") }),
  };
}

function range(bounds) {
  const [start = 0, stop = 0, step = 1] = bounds.filter((bound) => typeof bound === "number");
  const [from, to] = bounds.length === 1 ? [0, start] : [start, stop];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= MAX_RANGE)) throw new TemplateFailure(`it counts to more than ${MAX_RANGE}`);
  return Array.from({ length }, (_, i) => from + i * step);
}

/** Template texts and the contents between them: text, content, text, …, text. */
function readSkeleton(roles, rendered) {
  const pieces = rendered.split(MARK);
  const texts = pieces.filter((_, i) => i % 2 === 0);
  const found = pieces.filter((_, i) => i % 2 === 1).map(Number);
  const known = new Set(found);
  const last = roles.length - 1;
  const missing = roles.findIndex((_, i) => !known.has(i));
  if (missing !== -1 && rendered.includes(`\uF8FE${missing} `))
    throw new TemplateFailure("it changes the text of messages");
  if (missing !== -1) throw new TemplateFailure(`it leaves out the message ${missing} (${roles[missing]})`);
  if (found.at(-1) !== last) throw new TemplateFailure("it does not put the response last");
  const contents = found.map((index, i) => {
    const start = TRIMS.find(({ before }) => texts[i].endsWith(before));
    const end = TRIMS.find(({ after }) => texts[i + 1].startsWith(after));
    texts[i] = texts[i].slice(0, texts[i].length - start.before.length);
    texts[i + 1] = texts[i + 1].slice(end.after.length);
    return { index, start, end };
  });
  return { texts, contents };
}

const newline = /\n/;
/** The white space that is left around a mark shows what the template trims there. */
const TRIMS = [
  { before: NEWLINES + BLANKS, after: BLANKS + NEWLINES },
  { before: BLANKS, after: BLANKS, trimmed: newline },
  { before: "", after: "", trimmed: pythonSpace },
];

/** Start and end of what is kept of each content. */
function cutsOf(skeleton, contents) {
  return skeleton.contents.flatMap(({ index, start: atStart, end: atEnd }) => {
    const content = contents[index];
    let [start, end] = [0, content.length];
    while (start < end && atStart.trimmed?.test(content[start])) start++;
    while (end > start && atEnd.trimmed?.test(content[end - 1])) end--;
    return [start, end];
  });
}

function fill({ texts, contents: order }, contents, cuts) {
  let text = texts[0];
  order.forEach(({ index }, i) => {
    text += contents[index].slice(cuts[2 * i], cuts[2 * i + 1]) + texts[i + 1];
  });
  return text;
}
