/** What is scored: each response as it is, and as each transformation changes it. */
import { createHash } from "node:crypto";
import type { CheckedItem } from "../../prompt/items.ts";
import type { PlacedCase } from "../case.ts";
import { promptKey } from "../item-texts.ts";
import { isLatin } from "./transformations/text.ts";
import { pickBy, type Subject, type Transformation } from "./transformations/transformation.ts";

/** A changed item, or why the transformation does not apply. */
export type Changed = { readonly item: CheckedItem } | { readonly skipped: string };

/** Reasons that hold for all transformations. */
const RAW_TEXT = "the row is a text: where its response begins is not known";
const EMPTY = "the response is empty";
const OTHER_LETTERS = "the response is not in Latin letters, and the added text is English";
const NO_CHANGE = "it changes nothing";

/** Prompts that are tried for another response. */
const MAX_TRIES = 100;

/** What its responses have in common. */
interface KnownRow {
  readonly placed: PlacedCase;
  /** Of its prompt. */
  readonly key: string;
  readonly texts: readonly string[];
  /** Its responses. */
  readonly own: ReadonlySet<string>;
}

/** Changes the items of cases. The changed texts depend on the seed and on the cases, not on their order. */
export class Changer {
  readonly #seed: number;
  /** The first case of each prompt, in an order drawn by the seed. */
  readonly #ring: readonly PlacedCase[];
  readonly #places: ReadonlyMap<string, number>;
  /** The last one: a row with many responses is looked at once. */
  #row: KnownRow | undefined;

  constructor(cases: readonly PlacedCase[], seed: number) {
    this.#seed = seed;
    const byPrompt = new Map<string, PlacedCase>();
    for (const one of cases) {
      const key = promptKey(one);
      if (!byPrompt.has(key)) byPrompt.set(key, one);
    }
    const keyed = [...byPrompt].map(([key, one]) => ({ key, one, order: hash([seed, "order", key]) }));
    keyed.sort((a, b) => (a.order < b.order ? -1 : 1));
    this.#ring = keyed.map(({ one }) => one);
    this.#places = new Map(keyed.map(({ key }, place) => [key, place]));
  }

  /** The item of a response as the transformation makes it. */
  change(placed: PlacedCase, response: number, { apply, ...rules }: Transformation): Changed {
    const item = placed.responses[response]?.item as CheckedItem;
    const subject = subjectOf(item);
    if (subject === undefined) return { skipped: RAW_TEXT };
    if (subject.response.trim() === "") return { skipped: EMPTY };
    if (rules.english && !isLatin(subject.response)) return { skipped: OTHER_LETTERS };
    const row = this.#rowOf(placed);
    const changed = apply(subject, {
      pick: pickBy(this.#seed, rules.name, row.key),
      rowTexts: row.texts,
      otherResponse: rules.usesOthers ? this.#otherResponse(row, response) : undefined,
    });
    if (changed === undefined || isSame(changed, subject))
      return { skipped: rules.needs === undefined ? NO_CHANGE : `needs ${rules.needs}` };
    return { item: itemOf(item, changed) };
  }

  #rowOf(placed: PlacedCase): KnownRow {
    if (this.#row?.placed !== placed)
      this.#row = {
        placed,
        key: promptKey(placed),
        texts: textsOfRow(placed),
        own: new Set(responsesOf(placed)),
      };
    return this.#row;
  }

  /** The response in the same place of the next prompt that has one which this row has not. */
  #otherResponse({ key, own }: KnownRow, response: number): string | undefined {
    const place = this.#places.get(key) ?? 0;
    for (let step = 1; step < this.#ring.length && step <= MAX_TRIES; step++) {
      const others = responsesOf(this.#ring[(place + step) % this.#ring.length] as PlacedCase);
      const wanted = [others[response % others.length], ...others];
      const other = wanted.find((text) => text !== undefined && text.trim() !== "" && !own.has(text));
      if (other !== undefined) return other;
    }
    return undefined;
  }
}

/** Undefined for a text without known parts. */
function subjectOf(item: CheckedItem): Subject | undefined {
  if ("text" in item) return undefined;
  if ("prompt" in item) return { before: [{ role: "user", content: item.prompt }], response: item.response };
  const last = item.messages.at(-1);
  return last === undefined ? undefined : { before: item.messages.slice(0, -1), response: last.content };
}

/** In the shape of the original. */
function itemOf(original: CheckedItem, { before, response }: Subject): CheckedItem {
  if ("prompt" in original) return { prompt: before[0]?.content ?? "", response };
  return { messages: [...before, { role: "assistant", content: response }] };
}

function isSame(one: Subject, other: Subject): boolean {
  return (
    one.response === other.response && one.before.every(({ content }, turn) => content === other.before[turn]?.content)
  );
}

function responsesOf({ responses }: PlacedCase): string[] {
  return responses.flatMap(({ item }) => subjectOf(item)?.response ?? []);
}

function textsOfRow({ responses }: PlacedCase): string[] {
  const subjects = responses.flatMap(({ item }) => subjectOf(item) ?? []);
  return subjects.flatMap(({ before, response }) => [...before.map(({ content }) => content), response]);
}

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
