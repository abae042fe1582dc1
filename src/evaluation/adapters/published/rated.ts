/** A prompt and several responses with scores: in a list beside the responses, or in each of them. */
import { type AdaptOptions, fieldsOf, listOf } from "../adapter.ts";
import type { Facts, Layout } from "../layout.ts";
import { type ManyResponses, manyResponses } from "./described.ts";

const PROMPTS = ["prompt", "messages", "instruction", "question", "query"];
const LISTS = ["responses", "completions", "generations", "answers", "outputs", "candidates"];
const TEXTS = ["response", "text", "content", "answer", "completion", "output", "generation"];
const SCORES = ["scores", "ratings", "rewards"];
const SCORE = ["score", "rating", "reward", "grade"];
const RANKS = ["rank"];

const COMPARED = "each response over those with a lower score";

/** The one name of several that is there; undefined: none or more than one. */
function theOne(names: readonly string[], isThere: (name: string) => boolean): string | undefined {
  const found = names.filter(isThere);
  return found.length === 1 ? found[0] : undefined;
}

function ofFields(fields: object): Pick<ManyResponses, "prompt" | "list"> | undefined {
  const isThere = (name: string) => (fields as Record<string, unknown>)[name] !== undefined;
  const [prompt, list] = [theOne(PROMPTS, isThere), theOne(LISTS, isThere)];
  return prompt === undefined || list === undefined ? undefined : { prompt, list };
}

function isRated({ names, is }: Facts, kind: "texts" | "objects"): boolean {
  const one = ofFields(Object.fromEntries(names.map((name) => [name, true])));
  return one !== undefined && is(one.list, kind);
}

export const ratedLists: Layout = {
  name: "rated-responses",
  title: "responses with scores",
  columns: {},
  without: ["ranks", "grades", "chosen", "rejected"],
  over: ["pairs"],
  recognises: (facts) =>
    isRated(facts, "texts") &&
    theOne(SCORES, (name) => facts.names.includes(name) && facts.is(name, "numbers")) !== undefined,
  compared: COMPARED,
  adapt(row, options: AdaptOptions = {}) {
    const fields = fieldsOf(row);
    const grades = theOne(SCORES, (name) => fields[name] !== undefined && fields[name] !== null) ?? "scores";
    return manyResponses(described, { ...(ofFields(fields) ?? DEFAULT), grades }).adapt(row, options);
  },
};

export const ratedObjects: Layout = {
  name: "rated-objects",
  title: "a list of responses, each with its score or rank",
  columns: {},
  without: ["ranks", "grades", "chosen", "rejected"],
  over: ["pairs"],
  recognises: (facts) => {
    if (!isRated(facts, "objects")) return false;
    const { list } = ofFields(Object.fromEntries(facts.names.map((name) => [name, true]))) ?? DEFAULT;
    const [first] = facts.values.get(list) ?? [];
    return namesIn(Array.isArray(first) ? first[0] : undefined) !== undefined;
  },
  compared: "each response over those with a lower score, or a higher rank",
  adapt(row, options: AdaptOptions = {}) {
    const fields = fieldsOf(row);
    const own = ofFields(fields) ?? DEFAULT;
    const names = namesIn(listOf(fields, own.list)[0]) ?? { text: "response", grade: "score" };
    return manyResponses(described, { ...own, ...names, label: "model" }).adapt(row, options);
  },
};

const described = { name: "rated", title: "responses with scores", columns: {}, compared: COMPARED };
const DEFAULT = { prompt: "prompt", list: "responses" };

function namesIn(value: unknown): Pick<ManyResponses, "text" | "grade" | "isRank"> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const isThere = (name: string) => name in value;
  const [text, score, rank] = [theOne(TEXTS, isThere), theOne(SCORE, isThere), theOne(RANKS, isThere)];
  const grade = score ?? rank;
  if (text === undefined || grade === undefined || (score !== undefined && rank !== undefined)) return undefined;
  return { text, grade, isRank: rank !== undefined };
}
