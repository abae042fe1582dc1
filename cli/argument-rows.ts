/** Rows from `--text`, `--prompt`, `--messages` and `--response`. */
import { counted } from "./counted.ts";
import { UsageError } from "./errors.ts";
import type { Row } from "./row.ts";
import { parseMessages, TextValues } from "./text-values.ts";

/** As they are written on the command line. */
export interface TextArguments {
  readonly text?: readonly string[];
  readonly prompt?: readonly string[];
  readonly messages?: readonly string[];
  readonly system?: string;
  readonly response?: readonly string[];
  readonly responsesFile?: readonly string[];
}

/** The options that say what to score. */
export const TEXT_OPTIONS = ["text", "prompt", "messages", "system", "response", "responsesFile"] as const;

/** What comes before a response. */
type Context = Readonly<Record<string, unknown>>;

/** What the options mean. */
interface Texts {
  readonly texts: readonly string[];
  readonly contexts: readonly Context[];
  readonly responses: readonly { readonly text: string; readonly where: string }[];
  /** "--prompt" or "--messages". */
  readonly option: string;
}

type Say = (message: string) => void;

/** One row per text, or per response: one prompt for all, or the prompt at the same index. */
export async function argumentRows(options: TextArguments, say: Say): Promise<Row[]> {
  const { texts, contexts, responses, option } = await readTexts(options, say);
  if (texts.length > 0) {
    if (contexts.length + responses.length > 0)
      throw new UsageError("--text cannot be combined with --prompt, --messages or --response");
    return texts.map((item, i) => row(i, nth("--text", i, texts.length), [{ text: item }], false));
  }
  if (option === "--messages" && responses.length === 0)
    return contexts.map((context, i) => row(i, nth(option, i, contexts.length), [context], false));
  checkBoth(contexts, responses, option);
  if (contexts.length !== 1 && contexts.length !== responses.length) {
    throw new UsageError(
      `expected one ${option} for all responses, or one for each, but received ${contexts.length} for ` +
        `${counted(responses.length, "response")}`,
    );
  }
  return responses.map(({ text, where }, i) => row(i, where, [answered(contexts[i] ?? contexts[0], text)], false));
}

/** One row with all responses to the one prompt. */
export async function rankingRow(options: TextArguments, say: Say): Promise<Row[]> {
  const { contexts, responses, option } = await readTexts(options, say);
  checkBoth(contexts, responses, option);
  if (contexts.length > 1)
    throw new UsageError(`rank takes one ${option}; for several, use --input with {"prompt","responses"} rows`);
  const items = responses.map(({ text }) => answered(contexts[0], text));
  return [row(0, "--response", items, true)];
}

async function readTexts(options: TextArguments, say: Say): Promise<Texts> {
  const { text = [], prompt = [], messages = [], response = [], responsesFile = [] } = options;
  if (prompt.length > 0 && messages.length > 0)
    throw new UsageError("--prompt cannot be combined with --messages: write the prompt as the last message");
  const values = new TextValues(say);
  const system = options.system === undefined ? undefined : await values.text(options.system, "--system");
  if (system !== undefined && prompt.length + messages.length === 0)
    throw new UsageError("--system needs --prompt or --messages");
  const turn = system === undefined || system === "" ? {} : { system };
  const contexts: Context[] = (await values.texts(prompt, "--prompt")).map((one) => ({ prompt: one, ...turn }));
  for (const [i, value] of messages.entries()) {
    const option = nth("--messages", i, messages.length);
    contexts.push({ ...parseMessages(await values.text(value, option), option), ...turn });
  }
  const texts = await values.texts(text, "--text");
  const responses = (await values.texts(response, "--response")).map((one, i) => ({
    text: one,
    where: nth("--response", i, response.length),
  }));
  for (const path of responsesFile) {
    const { lines, blank } = await values.lines(path, "--responses-file");
    if (blank > 0) say(`note: ${path}: ${counted(blank, "blank line")} skipped`);
    for (const [i, line] of lines.entries()) responses.push({ text: line, where: `${path}, response ${i + 1}` });
  }
  return { texts, contexts, responses, option: messages.length > 0 ? "--messages" : "--prompt" };
}

function answered(context: Context | undefined, response: string): object {
  const { messages, ...rest } = context ?? {};
  return { ...(messages === undefined ? {} : { prompt: messages }), ...rest, response };
}

function checkBoth(contexts: readonly unknown[], responses: readonly unknown[], option: string): void {
  if (contexts.length === 0 && responses.length > 0) throw new UsageError("--response needs --prompt or --messages");
  if (contexts.length > 0 && responses.length === 0) throw new UsageError(`${option} needs at least one --response`);
}

function nth(option: string, i: number, count: number): string {
  return count === 1 ? option : `${option} number ${i + 1}`;
}

function row(index: number, where: string, items: readonly unknown[], many: boolean): Row {
  return { index, where, endOffset: index + 1, items, many, own: ownFields(items, many) };
}

/** The texts, as if they came from a file. */
function ownFields(items: readonly unknown[], many: boolean): ReadonlyMap<string, string> {
  const all = items as readonly Readonly<Record<string, unknown>>[];
  const { response: _, ...context } = all[0] ?? {};
  const fields = many ? { ...context, responses: all.map((item) => item["response"]) } : (all[0] ?? {});
  return new Map(Object.entries(fields).map(([name, value]) => [name, JSON.stringify(value)]));
}
