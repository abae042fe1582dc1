/**
 * TruthfulQA: the configuration "generation" and TruthfulQA.csv as published, whose lists of answers are separated by
 * semicolons (`eval truth` reads both), and the multiple-choice targets. Source: sylinrl/TruthfulQA (TruthfulQA.csv, data/mc_task.json,
 * truthfulqa/utilities.py: split_multi_answer) and the card of truthfulqa/truthful_qa.
 */
import { type Fields, isObject } from "../../../prompt/input-fields.ts";
import type { CaseResponse } from "../../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  asText,
  fieldsOf,
  itemOf,
  listOf,
  objectOf,
  rowFields,
  textOf,
  wrong,
} from "../adapter.ts";
import { compared } from "../compared.ts";
import { asNumber } from "../labels.ts";
import type { Layout, RowLayout } from "../layout.ts";
import { adaptTruth } from "../truth.ts";
import { refuseMissingColumns, shapeOf } from "./described.ts";

const COMPARED = "the best answer over other correct ones, and each correct answer over each incorrect one";

export const truthGeneration: RowLayout = {
  name: "truthfulqa",
  title: "TruthfulQA (generation)",
  columns: { question: "text", best_answer: "text", correct_answers: "any", incorrect_answers: "any" },
  compared: COMPARED,
  adapt: adaptTruth,
};

const CSV = { question: "Question", best_answer: "Best Answer" };
const CSV_LISTS = { correct_answers: "Correct Answers", incorrect_answers: "Incorrect Answers" };

export const truthCsv: RowLayout = {
  name: "truthfulqa-csv",
  title: "TruthfulQA.csv",
  columns: Object.fromEntries([...Object.values(CSV), ...Object.values(CSV_LISTS)].map((name) => [name, "text"])),
  compared: COMPARED,
  adapt(row, options: AdaptOptions = {}) {
    const all = fieldsOf(row);
    const fields = rowFields(row, options, shapeOf(truthCsv), [...Object.values(CSV), ...Object.values(CSV_LISTS)]);
    refuseMissingColumns(truthCsv, fields, row);
    const texts = Object.entries(CSV).map(([ours, name]) => [ours, textOf(fields, name)]);
    const lists = Object.entries(CSV_LISTS).map(([ours, name]) => [ours, answersOf(fields, name)]);
    return adaptTruth({ ...Object.fromEntries([...texts, ...lists]), id: all["id"] }, options);
  },
};

/** A row of the configuration "generation" or of TruthfulQA.csv: what `eval truth` takes. */
export function adaptTruthfulQa(row: unknown, options: AdaptOptions = {}): Adapted {
  const isCsv = isObject(row) && Object.values(CSV).some((name) => name in row);
  return (isCsv ? truthCsv : truthGeneration).adapt(row, options);
}

function answersOf(fields: Fields, name: string): string[] {
  return textOf(fields, name)
    .split(";")
    .map((answer) => answer.trim())
    .filter((answer) => answer !== "");
}

function multipleChoice(name: string, target: string, other: string | undefined, sentence: string): Layout {
  return {
    name,
    title: `TruthfulQA multiple choice (${target.slice(0, 3)})`,
    columns: { question: "text", [target]: "object" },
    ...(other === undefined ? {} : { without: [other] }),
    compared: sentence,
    adapt(row, options: AdaptOptions = {}): Adapted {
      const fields = rowFields(row, options, `{"question","${target}"}`, ["question", target]);
      const prompt = textOf(fields, "question");
      const responses = choicesOf(fields, target).map(
        ({ text, label }): CaseResponse => ({
          item: itemOf(prompt, text),
          grade: label,
          label: label === 1 ? "correct" : "incorrect",
        }),
      );
      return compared(responses, options);
    },
  };
}

export const truthMc2 = multipleChoice(
  "truthfulqa-mc2",
  "mc2_targets",
  undefined,
  "each true answer over each false one",
);
export const truthMc1 = multipleChoice(
  "truthfulqa-mc1",
  "mc1_targets",
  "mc2_targets",
  "the true answer over each false one",
);

/** {"choices": […], "labels": […]}, or {ANSWER: LABEL, …} as in mc_task.json; labels are 0 and 1. */
function choicesOf(fields: Fields, target: string): readonly { readonly text: string; readonly label: number }[] {
  const targets = objectOf(fields, target);
  const isLists = Array.isArray(targets["choices"]) && Array.isArray(targets["labels"]);
  const texts = isLists ? listOf(targets, "choices") : Object.keys(targets);
  const labels = isLists ? listOf(targets, "labels") : Object.values(targets);
  if (texts.length !== labels.length) throw wrong(`${texts.length} labels`, `${target}.labels`, labels);
  return texts.map((text, i) => {
    const label = asNumber(labels[i]);
    if (label !== 0 && label !== 1) throw wrong("0 or 1", `${target}.labels[${i}]`, labels[i]);
    return { text: asText(text, `${target}.choices[${i}]`), label };
  });
}
