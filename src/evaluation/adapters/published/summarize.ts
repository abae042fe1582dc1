/**
 * openai/summarize_from_feedback, configuration "comparisons": a post (or an article of CNN/Daily Mail), two summaries and the
 * index of the better one, 0 or 1; and "axis": a summary a row, rated from 1 to 7. Each labeller has a scale of their own, so only
 * the ratings of one person are compared, by "overall". The prompt is written as in openai/summarize-from-feedback
 * (summarize_from_feedback/utils/experiment_helpers.py: format_str of tldr_task and cnndm_task), without the line break after
 * the latter's "TL;DR:"; the blank before a summary, which follows "TL;DR:" there, is left out.
 */
import { isObject } from "../../../prompt/input-fields.ts";
import type { CaseResponse } from "../../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  type Fields,
  fieldsOf,
  itemOf,
  listOf,
  namesOf,
  objectOf,
  rowFields,
  textOf,
  writtenBy,
  wrong,
} from "../adapter.ts";
import type { Layout } from "../layout.ts";
import { judged } from "./described.ts";
import { type RatedRow, ResponseTable } from "./response-table.ts";
import { gradeOf, onScale } from "./verdicts.ts";

const verdict = onScale("choice", 0, 1, { isWhole: true, isMixed: true });
const CHOICE = verdict.label({ layout: "summarize", of: () => "Write 0 for the first summary and 1 for the second." });

export const summarize: Layout = {
  name: "summarize",
  title: "Summarize from Feedback comparisons",
  columns: { info: "object", summaries: "objects", choice: "label" },
  compared: "the summary that people chose over the other",
  label: () => CHOICE,
  adapt: adaptSummaries,
};

function adaptSummaries(row: unknown, options: AdaptOptions = {}): Adapted {
  const fields = rowFields(row, options, '{"info","summaries","choice"}', ["info", "summaries"]);
  const info = objectOf(fields, "info");
  const prompt = promptOf(info);
  const summaries = listOf(fields, "summaries");
  if (summaries.length !== 2) throw wrong("two summaries", "summaries", summaries);
  const responses = summaries.map((value, i) => {
    const where = `summaries[${i}]`;
    return summaryOf(prompt, fieldsOf(value, where), where);
  });
  return judged(responses, verdict.of(fields), options, namesOf({ ...fields, id: info["id"] }));
}

export const summarizeAxis: Layout = {
  name: "summarize-axis",
  title: "Summarize from Feedback ratings (axis)",
  columns: { info: "object", summary: "object", worker: "text" },
  recognises: ({ values }) => values.get("summary")?.some((summary) => isObject(summary) && "axes" in summary) ?? false,
  compared: "among one person's ratings of summaries of a post, a higher overall rating over a lower one",
  gather: () => new ResponseTable(readRating),
};

function readRating(row: unknown, options: AdaptOptions): RatedRow {
  const fields = rowFields(row, options, '{"info","summary","worker"}', ["info", "summary"]);
  const info = objectOf(fields, "info");
  const prompt = promptOf(info);
  const summary = objectOf(fields, "summary");
  const { overall } = fieldsOf(summary["axes"], "summary.axes");
  const grade = gradeOf(overall, "summary.axes.overall", false);
  const judged = { ...summaryOf(prompt, summary, "summary"), grade };
  return {
    key: JSON.stringify([textOf(fields, "worker"), prompt]),
    judged,
    names: namesOf({ ...fields, id: info["id"] }),
  };
}

function summaryOf(prompt: string, summary: Fields, where: string): Pick<CaseResponse, "item" | "label" | "model"> {
  const text = textOf(summary, "text", `${where}.text`).trimStart();
  return { item: itemOf(prompt, text), ...writtenBy(summary["policy"]) };
}

function promptOf(info: ReturnType<typeof fieldsOf>): string {
  const isGiven = (name: string) => typeof info[name] === "string" && info[name] !== "";
  if (!isGiven("post") && isGiven("article")) return `Article:\n${textOf(info, "article", "info.article")}\n\nTL;DR:`;
  const [subreddit, title, post] = ["subreddit", "title", "post"].map((name) => textOf(info, name, `info.${name}`));
  return `SUBREDDIT: r/${subreddit}\n\nTITLE: ${title}\n\nPOST: ${post}\n\nTL;DR:`;
}
