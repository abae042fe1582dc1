/**
 * lmarena-ai/PPE: two responses and the one that a person preferred (PPE-Human-Preference-V1), or up to 32 responses, each right or
 * wrong (PPE-MMLU-Pro-Best-of-K and four others). Columns as in the cards of the data sets and as PPE's own benchmarks/base.py reads
 * them: response_1 is the first one, and sampled_conflict_pairs counts from 0.
 */
import { type CaseResponse, type Comparison, comparisonsByGrade } from "../case.ts";
import { PPE_HUMAN } from "../measures/ppe.ts";
import {
  type Adapted,
  type AdaptOptions,
  type Fields,
  fieldsOf,
  itemOf,
  listOf,
  promptOf,
  refuseTooMany,
  rowFields,
  textOf,
  writtenBy,
  wrong,
  wrongShape,
} from "./adapter.ts";
import { WINNERS, winnerOf } from "./winner.ts";

const SHAPE = '{"prompt","response_1","response_2","winner"} or {"prompt","response_1",…,"scores"}';
/** Columns of the questions that the prompt contains. */
const SOURCES = ["question", "Question", "problem", "options", "instruction_id_list"];

export function adaptPpe(row: unknown, options: AdaptOptions = {}): Adapted {
  const names = responseNames(fieldsOf(row));
  const fields = rowFields(row, options, SHAPE, ["prompt", "system", ...names, ...SOURCES]);
  if (names.length < 2) throw wrongShape(SHAPE, fields);
  const isGraded = fields["scores"] !== undefined;
  if (!isGraded && fields["winner"] === undefined) throw wrongShape(SHAPE, fields);
  refuseTooMany(names, "responses");
  const id = fields["question_id"];
  const named = typeof id === "string" ? { id } : {};
  return isGraded ? adaptGraded(fields, names, named, options) : adaptHuman(fields, names, named, options);
}

/** In the order of their numbers, which have no gaps. */
function responseNames(fields: Fields): string[] {
  const names: string[] = [];
  for (let name = "response_1"; typeof fields[name] === "string"; name = `response_${names.length + 1}`)
    names.push(name);
  return names;
}

function adaptHuman(fields: Fields, names: readonly string[], named: { id?: string }, options: AdaptOptions): Adapted {
  if (names.length > 2) throw wrong("two responses", "response_3", fields["response_3"]);
  const winner = textOf(fields, "winner");
  const better = winnerOf(winner);
  const context = promptOf(fields, options);
  const responses = names.map((name, i): CaseResponse => {
    const item = itemOf(context, textOf(fields, name));
    return { item, grade: i === better ? 1 : 0, ...writtenBy(textOf(fields, i === 0 ? "model_a" : "model_b")) };
  });
  if (better === "tie") return { omitted: winner };
  if (better === undefined) throw wrong(WINNERS, "winner", winner);
  return { case: { responses, comparisons: comparisonsByGrade(responses), ...named, subset: PPE_HUMAN } };
}

function adaptGraded(fields: Fields, names: readonly string[], named: { id?: string }, options: AdaptOptions): Adapted {
  const scores = listOf(fields, "scores");
  if (scores.length !== names.length) throw wrong(`as many as there are responses (${names.length})`, "scores", scores);
  const context = promptOf(fields, options);
  const responses = names.map((name, i) => ({
    item: itemOf(context, textOf(fields, name)),
    grade: correctness(scores[i], `scores[${i}]`),
  }));
  if (responses.every(({ grade }) => grade === responses[0]?.grade))
    return { omitted: (responses[0]?.grade ?? 0) > 0 ? "all right" : "all wrong" };
  const pairs = fields["sampled_conflict_pairs"];
  const comparisons =
    pairs === undefined
      ? comparisonsByGrade(responses)
      : sampledPairs(listOf(fields, "sampled_conflict_pairs"), responses);
  const subset = benchmarkOf(fields, options);
  return { case: { responses, comparisons, ...named, subset } };
}

function correctness(value: unknown, where: string): number {
  const number = typeof value === "boolean" || typeof value === "bigint" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw wrong("true, false or a number", where, value);
}

/** The pairs that the data set drew, repetitions included: they are PPE's accuracy. */
function sampledPairs(pairs: readonly unknown[], responses: readonly { readonly grade: number }[]): Comparison[] {
  if (pairs.length === 0) throw wrong("one or more pairs", "sampled_conflict_pairs", pairs);
  return pairs.map((pair, i) => {
    const where = `sampled_conflict_pairs[${i}]`;
    const [one, other, ...more] = Array.isArray(pair) ? pair.map(Number) : [];
    const [first, second] = [responses[one ?? -1]?.grade, responses[other ?? -1]?.grade];
    if (one === undefined || other === undefined || first === undefined || second === undefined || more.length > 0)
      throw wrong(`two indices of responses, 0 to ${responses.length - 1},`, where, pair);
    if (first === second) throw wrong("a right and a wrong response", where, pair);
    return first > second ? { better: one, worse: other } : { better: other, worse: one };
  });
}

const BENCHMARKS: readonly (readonly [string, RegExp, readonly string[]])[] = [
  ["mmlu_pro", /mmlu/i, ["options", "cot_content"]],
  ["gpqa", /gpqa/i, ["Incorrect Answer 1", "Correct Answer"]],
  ["mbpp_plus", /mbpp/i, ["test_list", "test_imports"]],
  ["ifeval", /ifeval/i, ["instruction_id_list"]],
  ["math", /math/i, ["problem", "level"]],
];

/** By what the file is called, else by a column of the questions it is made from. */
function benchmarkOf(fields: Fields, { sourceName = "" }: AdaptOptions): string {
  const file = sourceName.replace(/^.*(?=PPE-)/i, "");
  const byName = BENCHMARKS.find(([, pattern]) => pattern.test(file));
  const byColumn = BENCHMARKS.find(([, , columns]) => columns.some((name) => fields[name] !== undefined));
  return (byName ?? byColumn)?.[0] ?? "best_of_k";
}
