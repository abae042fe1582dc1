/**
 * A checkpoint's own Jinja template. It gives text, in which content and template can no longer be told apart, so it is
 * rendered with marks in place of the contents first; what stands between the marks is template text. That is sound
 * only for templates that pass contents on, or trim them: every item is rendered with its contents, too, and must come
 * out the same.
 */
import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { InvalidInputError } from "../errors.ts";
import type { ChatTemplateSource } from "../gguf/vocabulary-metadata.ts";
import type { ChatMessage } from "./items.ts";
import type { ChatTemplate, TextParts } from "./templates.ts";

/** What apply_chat_template gives a template beside the messages and the special tokens. */
const globals: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  add_generation_prompt: false,
  tools: null,
  documents: null,
  range: (...bounds: unknown[]) => range(bounds),
  raise_exception: (message: unknown) => {
    throw new Error(String(message));
  },
  strftime_now: () => {
    throw new Error("it asks for today's date, so that a score would change from day to day");
  },
};

/** Templates count messages, of which a conversation has few. */
const MAX_RANGE = 10_000;

function range(bounds: readonly unknown[]): number[] {
  const [start = 0, stop = 0, step = 1] = bounds.filter((bound) => typeof bound === "number");
  const [from, to] = bounds.length === 1 ? [0, start] : [start, stop];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= MAX_RANGE)) throw new Error(`it counts to more than ${MAX_RANGE}`);
  return Array.from({ length }, (_, i) => from + i * step);
}

/** White space around a mark shows whether the template trims. */
const SPACE_BEFORE = "\t\n \t";
const SPACE_AFTER = "\t \n\t";
/** Private-use characters: a template has no reason to hold or change them. */
const mark = (index: number) => `\uF8FE${index}\uF8FF`;
const MARK = /\uF8FE(\d+)\uF8FF/;

/** Sequences of roles whose skeleton is kept; conversations of a data set have few. */
const MAX_SKELETONS = 64;

/** Template text and the messages between it: text, message, text, …, text. */
interface Skeleton {
  readonly texts: readonly string[];
  readonly messages: readonly { readonly index: number; readonly trimStart: boolean; readonly trimEnd: boolean }[];
}

/**
 * A template as transformers' apply_chat_template renders it: trim_blocks, lstrip_blocks, no generation prompt, no tools,
 * no documents. One that is not read is an error of each item that needs it, so that {text} items can be scored.
 */
export function compileChatTemplate({ source, tokens }: ChatTemplateSource): ChatTemplate {
  let program: ReturnType<typeof parse> | undefined;
  const render = (messages: readonly ChatMessage[]): string => {
    const environment = new Environment();
    const variables = { ...globals, ...tokens, messages: messages.map(({ role, content }) => ({ role, content })) };
    for (const [name, value] of Object.entries(variables)) environment.set(name, value);
    program ??= parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
    return String((new Interpreter(environment).run(program) as { readonly value: unknown }).value);
  };
  const skeletons = new Map<string, Skeleton>();
  return (messages, where) => {
    const roles = messages.map(({ role }) => role).join(" ");
    const skeleton = attempt(where, () => skeletons.get(roles) ?? readSkeleton(messages, render));
    if (skeletons.size >= MAX_SKELETONS) skeletons.clear();
    skeletons.set(roles, skeleton);
    const rendered = attempt(where, () => render(messages));
    // The engine trims as JavaScript does, transformers as Python.
    if (rendered !== fill(skeleton, messages, javaScriptSpace).join(""))
      throw unusable(`${where} cannot be scored: the model's chat template changes the text of this conversation`);
    return fill(skeleton, messages, pythonSpace);
  };
}

function readSkeleton(
  messages: readonly ChatMessage[],
  render: (messages: readonly ChatMessage[]) => string,
): Skeleton {
  const marked = messages.map(({ role }, i) => ({ role, content: `${SPACE_BEFORE}${mark(i)}${SPACE_AFTER}` }));
  const pieces = render(marked).split(MARK);
  const texts = pieces.filter((_, i) => i % 2 === 0);
  const found = pieces.filter((_, i) => i % 2 === 1).map(Number);
  const present = new Set(found);
  const last = messages.length - 1;
  for (let i = 0; i <= last; i++)
    if (!present.has(i)) throw new Error(`it leaves out the message ${i} (${messages[i]?.role})`);
  if (found.at(-1) !== last) throw new Error("it does not put the response last");
  return {
    messages: found.map((index, i) => {
      const trimStart = !(texts[i] as string).endsWith(SPACE_BEFORE);
      const trimEnd = !(texts[i + 1] as string).startsWith(SPACE_AFTER);
      if (!trimStart) texts[i] = (texts[i] as string).slice(0, -SPACE_BEFORE.length);
      if (!trimEnd) texts[i + 1] = (texts[i + 1] as string).slice(SPACE_AFTER.length);
      return { index, trimStart, trimEnd };
    }),
    texts,
  };
}

/** White space at the start and at the end of a text. */
interface Space {
  readonly start: RegExp;
  readonly end: RegExp;
}

function space(characters: string): Space {
  return { start: new RegExp(`^[${characters}]+`), end: new RegExp(`(?<![${characters}])[${characters}]+$`) };
}

const javaScriptSpace = space("\\s");
/** What str.strip() removes: not U+FEFF, but also the separators of files, groups, records and units, and U+0085. */
const pythonSpace = space("\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000");

function fill({ texts, messages }: Skeleton, contents: readonly ChatMessage[], { start, end }: Space): TextParts {
  const parts = [texts[0] as string];
  messages.forEach(({ index, trimStart, trimEnd }, i) => {
    let { content } = contents[index] as ChatMessage;
    if (trimStart) content = content.replace(start, "");
    if (trimEnd) content = content.replace(end, "");
    parts.push(content, texts[i + 1] as string);
  });
  return parts;
}

function attempt<T>(where: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw unusable(`${where} cannot be scored with the model's chat template`, cause);
  }
}

/** Longest reason of the template engine that a message repeats. */
const MAX_REASON_CHARACTERS = 300;

function unusable(sentence: string, cause?: unknown): InvalidInputError {
  const reason = cause instanceof Error ? `: ${cause.message.slice(0, MAX_REASON_CHARACTERS)}` : "";
  const advice = "score the rendered conversation as {text} instead";
  return new InvalidInputError("ERR_INVALID_ITEM", `${sentence}${reason}; ${advice}.`, {
    ...(cause === undefined ? {} : { cause }),
  });
}
