/** What is legal to score but usually a mistake: counted, and reported once per run. */
import { InvalidInputError } from "../errors.ts";

/**
 * - `DOUBLE_BOS`: a {text} begins with the token that the model's tokenizer already adds there.
 * - `DOUBLE_EOS`: a {text} ends with the token that the model's tokenizer already adds there.
 * - `AFTER_END_OF_TURN`: a {text} continues after its last end of turn: the score is read elsewhere.
 * - `TEMPLATE_TOKEN_IN_CONTENT`: a prompt, a response or a message begins or ends with a token that the template writes
 *   around it, which is plain text there.
 * - `NO_END_OF_TURN`: a {text} does not end with the token that ends a turn, though its earlier turns do.
 * - `TRANSCRIPT_IN_PROMPT`: a prompt holds turns of its own, "Human: … Assistant: …" or "<|prompter|>…", and is scored as one turn.
 * - `REPEATED_ROLE`: a conversation has two consecutive turns of the same role.
 * - `LIST_AS_TEXT`: a response or a {text} is a list of messages, as JSON or Python writes it.
 * - `MISSING_VALUE`: a response out of a CSV cell is "nan", "None" or the like.
 * - `PROMPT_IN_RESPONSES`: all responses of a row begin with its prompt.
 * - `EMPTY_RESPONSE`: one of several responses is empty, and is not compared with the others.
 */
export type WarningCode =
  | "DOUBLE_BOS"
  | "DOUBLE_EOS"
  | "AFTER_END_OF_TURN"
  | "NO_END_OF_TURN"
  | "TEMPLATE_TOKEN_IN_CONTENT"
  | "TRANSCRIPT_IN_PROMPT"
  | "REPEATED_ROLE"
  | "LIST_AS_TEXT"
  | "MISSING_VALUE"
  | "PROMPT_IN_RESPONSES"
  | "EMPTY_RESPONSE";

/** Something legal in an item that is usually a mistake. */
export interface ItemWarning {
  /** What it is. */
  readonly code: WarningCode;
  /** The token that it is about, as it is written; of a transcript its first words. */
  readonly token: string;
}

interface WarningText {
  readonly noun: "text" | "prompt" | "conversation" | "response" | "row";
  /** For one, and for several. */
  readonly verb: readonly [string, string];
  readonly rest: (token: string) => string;
}

const again = "and this model already adds one: remove it, or a different text is scored";

const warningTexts: Readonly<Record<WarningCode, WarningText>> = {
  DOUBLE_BOS: { noun: "text", verb: ["begins", "begin"], rest: (token) => `with ${token}, ${again}` },
  DOUBLE_EOS: { noun: "text", verb: ["ends", "end"], rest: (token) => `with ${token}, ${again}` },
  AFTER_END_OF_TURN: {
    noun: "text",
    verb: ["continues", "continue"],
    rest: (token) => `after the last ${token}, so the score is read too late: remove what follows, newlines too`,
  },
  NO_END_OF_TURN: {
    noun: "text",
    verb: ["does not end", "do not end"],
    rest: (token) => `with ${token}: end the text with the response's end of turn and nothing after it`,
  },
  TEMPLATE_TOKEN_IN_CONTENT: {
    noun: "conversation",
    verb: ["has", "have"],
    rest: (token) =>
      `${token} in a prompt or response, where the chat template writes it once more: give the bare texts, or the rendered ` +
      "conversation as {text}",
  },
  TRANSCRIPT_IN_PROMPT: {
    noun: "prompt",
    verb: ["holds", "hold"],
    rest: (token) =>
      `a transcript ("${token}"), which is scored as one user turn: write the turns as a list of messages`,
  },
  REPEATED_ROLE: {
    noun: "conversation",
    verb: ["has", "have"],
    rest: (token) => `two consecutive ${token} turns: check that no turn was lost between them`,
  },
  LIST_AS_TEXT: {
    noun: "text",
    verb: ["is", "are"],
    rest: (token) =>
      `a list of messages written as a string (${token}), which is scored as is: write the list itself if it is a conversation`,
  },
  MISSING_VALUE: {
    noun: "response",
    verb: ["is", "are"],
    rest: (token) => `"${token}", which is scored as a text: remove rows whose value is missing`,
  },
  PROMPT_IN_RESPONSES: {
    noun: "row",
    verb: ["has", "have"],
    rest: () =>
      "the prompt once more at the start of each response, where it is scored a second time: if the answers do not repeat it on " +
      "purpose, give only what follows it",
  },
  EMPTY_RESPONSE: {
    noun: "row",
    verb: ["has", "have"],
    rest: () => "an empty response, which is not compared",
  },
};

/** The warning as an error of the item, for strict runs. */
export function strictError({ code, token }: ItemWarning, where: string): InvalidInputError {
  const { verb, rest } = warningTexts[code];
  return new InvalidInputError("ERR_SUSPECT_ITEM", `${where} ${verb[0]} ${rest(token)}.`, { field: where });
}

/** Counts warnings over a run, for one sentence of each kind. */
export class WarningCounter {
  readonly #kinds = new Map<WarningCode, { first: string; token: string; count: number }>();

  /** @param where the row, as messages call it: "line 2" */
  add(warnings: readonly ItemWarning[], where: string): void {
    for (const { code, token } of warnings) {
      const kind = this.#kinds.get(code);
      if (kind === undefined) this.#kinds.set(code, { first: where, token, count: 1 });
      else kind.count += 1;
    }
  }

  /** "3 texts, the first at line 2, begin with <s>, which …": a sentence for each kind, in the order they were met. */
  sentences(): string[] {
    return [...this.#kinds].map(([code, { first, token, count }]) => {
      const { noun, verb, rest } = warningTexts[code];
      const [one, several] = verb;
      return count === 1
        ? `1 ${noun}, at ${first}, ${one} ${rest(token)}`
        : `${count} ${noun}s, the first at ${first}, ${several} ${rest(token)}`;
    });
  }
}
