/** Rows from `--text`, `--prompt` and `--response`. */
import { counted } from "./counted.ts";
import { UsageError } from "./errors.ts";
import type { Row } from "./row.ts";

export interface TextArguments {
  readonly text: readonly string[];
  readonly prompt: readonly string[];
  readonly response: readonly string[];
}

/** One row per text, or per response: one prompt for all, or the prompt at the same index. */
export function argumentRows({ text, prompt, response }: TextArguments): Row[] {
  if (text.length > 0) {
    if (prompt.length + response.length > 0)
      throw new UsageError("--text cannot be combined with --prompt or --response");
    return text.map((item, i) => row(i, nth("--text", i, text.length), [{ text: item }], false));
  }
  checkBoth(prompt, response);
  if (prompt.length !== 1 && prompt.length !== response.length) {
    throw new UsageError(
      `expected one --prompt for all responses, or one for each, but received ${prompt.length} for ` +
        `${counted(response.length, "response")}`,
    );
  }
  return response.map((item, i) =>
    row(i, nth("--response", i, response.length), [{ prompt: prompt[i] ?? prompt[0], response: item }], false),
  );
}

/** One row with all responses to the one prompt. */
export function rankingRow({ prompt, response }: Omit<TextArguments, "text">): Row {
  checkBoth(prompt, response);
  if (prompt.length > 1) {
    throw new UsageError('rank takes one --prompt; for several, use --input with {"prompt","responses"} rows');
  }
  const items = response.map((item) => ({ prompt: prompt[0], response: item }));
  return row(0, "--response", items, true);
}

function checkBoth(prompt: readonly string[], response: readonly string[]): void {
  if (prompt.length === 0 && response.length > 0) throw new UsageError("--response needs --prompt");
  if (prompt.length > 0 && response.length === 0) throw new UsageError("--prompt needs at least one --response");
}

function nth(option: string, i: number, count: number): string {
  return count === 1 ? option : `${option} number ${i + 1}`;
}

function row(index: number, where: string, items: readonly unknown[], many: boolean): Row {
  return { index, where, endOffset: index + 1, items, many, own: ownFields(items, many) };
}

/** The texts, as if they came from a file. */
function ownFields(items: readonly unknown[], many: boolean): ReadonlyMap<string, string> {
  const all = items as readonly Readonly<Record<string, string>>[];
  const fields = many
    ? { prompt: all[0]?.["prompt"], responses: all.map(({ response }) => response) }
    : (all[0] as Record<string, unknown>);
  return new Map(Object.entries(fields).map(([name, value]) => [name, JSON.stringify(value)]));
}
