/** What a probe does to a prompt and its response. Transformations are pure: the same texts and seed give the same texts anywhere. */
import { createHash } from "node:crypto";
import type { ChatMessage } from "../../../prompt/messages.ts";

/** What a transformation should do to the score of a good reward model. */
export type Expectation = "stay" | "fall" | "rise";

/** The texts of an item. */
export interface Subject {
  /** The turns before the response. */
  readonly before: readonly ChatMessage[];
  /** The assistant's last turn; not blank. */
  readonly response: string;
}

/** What a transformation may use beside the texts. */
export interface Aids {
  /** An element of the list, drawn by seed, transformation, prompt and `draw`: the same for all responses to a prompt. */
  readonly pick: Pick;
  /** All texts of the item's row: all turns of all responses. */
  readonly rowTexts: readonly string[];
  /** A response to another prompt of the data; undefined if there is none. */
  readonly otherResponse: string | undefined;
}

export type Pick = <T>(list: readonly [T, ...T[]], draw?: string) => T;

/** One way to change a response. */
export interface Transformation {
  /** As `--probe` takes it. */
  readonly name: string;
  /** What it does, as a sentence. */
  readonly description: string;
  /** What should happen to the score. */
  readonly expected: Expectation;
  /** What a text needs, where not every text has it; the reason that the report gives for the others. */
  readonly needs?: string;
  /** It takes a response to another prompt. */
  readonly usesOthers?: true;
  /** It adds English sentences, and applies to responses in Latin letters only. */
  readonly english?: true;
  /** Where it, or what it looks for, is described; absent: there is no source. */
  readonly source?: string;
  /** @returns undefined where it does not apply */
  readonly apply: (subject: Subject, aids: Aids) => Subject | undefined;
}

/** A transformation of the response alone. */
export function onResponse(
  change: (response: string, aids: Aids) => string | undefined,
): (subject: Subject, aids: Aids) => Subject | undefined {
  return (subject, aids) => {
    const response = change(subject.response, aids);
    return response === undefined ? undefined : { ...subject, response };
  };
}

const DRAW_BYTES = 6;

/** @param key of what shares its draws: a prompt */
export function pickBy(seed: number, transformation: string, key: string): Pick {
  return (list, draw = "") => {
    const hash = createHash("sha256")
      .update(JSON.stringify([seed, transformation, key, draw]))
      .digest();
    return list[hash.readUIntBE(0, DRAW_BYTES) % list.length] as (typeof list)[number];
  };
}
