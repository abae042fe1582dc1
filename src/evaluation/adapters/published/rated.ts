/** A prompt and several responses with scores: in a list beside the responses, or in each of them. */
import { type AdaptOptions, type Fields, fieldsOf, listOf } from "../adapter.ts";
import type { Facts, RowLayout } from "../layout.ts";
import { type ManyResponses, manyResponses } from "./described.ts";
import { PROMPTS, RANKS, SCORES, theOne } from "./rated-names.ts";

const LISTS = ["responses", "completions", "generations", "answers", "outputs", "candidates"];
const TEXTS = ["response", "text", "content", "answer", "completion", "output", "generation"];
const SCORE_LISTS = ["scores", "ratings", "rewards"];

type Columns = Pick<ManyResponses, "prompt" | "list">;

const DEFAULT: Columns = { prompt: "prompt", list: "responses" };

function columnsOf(isThere: (name: string) => boolean): Columns | undefined {
  const [prompt, list] = [theOne(PROMPTS, isThere), theOne(LISTS, isThere)];
  return prompt === undefined || list === undefined ? undefined : { prompt, list };
}

/** The list of responses in a file's columns. */
function listIn({ names, is }: Facts, kind: "texts" | "objects"): string | undefined {
  const list = columnsOf((name) => names.includes(name))?.list;
  return list !== undefined && is(list, kind) ? list : undefined;
}

export const ratedLists: RowLayout = {
  name: "rated-responses",
  title: "responses with scores",
  columns: {},
  without: ["ranks", "grades", "chosen", "rejected"],
  over: ["pairs"],
  recognises: (facts) =>
    listIn(facts, "texts") !== undefined &&
    theOne(SCORE_LISTS, (name) => facts.names.includes(name) && facts.is(name, "numbers")) !== undefined,
  compared: "each response over those with a lower score",
  adapt(row, options: AdaptOptions = {}) {
    const fields = fieldsOf(row);
    const { prompt, list } = columnsOf((name) => fields[name] !== undefined) ?? DEFAULT;
    const grades = gradesOf(fields);
    const columns = { [prompt]: "any", [list]: "any", [grades]: "any" } as const;
    return manyResponses({ ...ratedLists, columns }, { prompt, list, grades }).adapt(row, options);
  },
};

/** The field of a row's scores; null says that they are unknown. */
function gradesOf(fields: Fields): string {
  const given = theOne(SCORE_LISTS, (name) => fields[name] !== undefined && fields[name] !== null);
  return given ?? theOne(SCORE_LISTS, (name) => fields[name] === null) ?? "scores";
}

export const ratedObjects: RowLayout = {
  name: "rated-objects",
  title: "a list of responses, each with its score or rank",
  columns: {},
  without: ["ranks", "grades", "chosen", "rejected"],
  over: ["pairs"],
  recognises: (facts) => {
    const list = listIn(facts, "objects");
    const [first] = list === undefined ? [] : (facts.values.get(list) ?? []);
    return namesIn(Array.isArray(first) ? first[0] : undefined) !== undefined;
  },
  compared: "each response over those with a lower score, or a higher rank",
  adapt(row, options: AdaptOptions = {}) {
    const fields = fieldsOf(row);
    const { prompt, list } = columnsOf((name) => fields[name] !== undefined) ?? DEFAULT;
    const columns = { [prompt]: "any", [list]: "any" } as const;
    const names = namesIn(listOf(fields, list)[0]) ?? { text: "response", grade: "score" };
    return manyResponses({ ...ratedObjects, columns }, { prompt, list, ...names, label: "model" }).adapt(row, options);
  },
};

function namesIn(value: unknown): Pick<ManyResponses, "text" | "grade" | "isRank"> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const isThere = (name: string) => name in value;
  const [text, score, rank] = [theOne(TEXTS, isThere), theOne(SCORES, isThere), theOne(RANKS, isThere)];
  const grade = score ?? rank;
  if (text === undefined || grade === undefined || (score !== undefined && rank !== undefined)) return undefined;
  return { text, grade, isRank: rank !== undefined };
}
