/**
 * openbmb/UltraFeedback: an instruction and four completions with GPT-4's overall score, 1 to 10, and the mean of four ratings
 * ("fine-grained_score"). What each completion was told besides ("custom_system_prompt") is not part of the prompt, as in
 * HuggingFaceH4/ultrafeedback_binarized, whose rows are chosen and rejected conversations. Source: the data sets' cards.
 */
import type { Layout } from "../layout.ts";
import { manyResponses } from "./described.ts";

const COLUMNS = { instruction: "text", completions: "objects" } as const;
const LIST = { prompt: "instruction", list: "completions", text: "response", label: "model" };

export const ultraFeedback: Layout = manyResponses(
  {
    name: "ultrafeedback",
    title: "UltraFeedback",
    columns: COLUMNS,
    compared: "each completion over those with a lower overall_score",
  },
  { ...LIST, grade: "overall_score" },
);

export const ultraFeedbackFine: Layout = manyResponses(
  {
    name: "ultrafeedback-fine",
    title: "UltraFeedback, fine-grained scores",
    columns: COLUMNS,
    compared: "each completion over those with a lower fine-grained_score",
    isByNameOnly: true,
  },
  { ...LIST, grade: "fine-grained_score" },
);
