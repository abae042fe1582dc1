/**
 * Data sets that are TRL's conversational format with columns of their own, read as `pairs`: HuggingFaceH4/ultrafeedback_binarized
 * (rows whose two scores are equal are compared as they are labelled) and Skywork/Skywork-Reward-Preference-80K-v0.1 and v0.2.
 * Source: the data sets' cards; huggingface/trl, docs/source/dataset_formats.md.
 */
import type { Layout } from "../layout.ts";
import { chosenRejected } from "./described.ts";

const COMPARED = "the last turn of chosen over that of rejected";

export const ultraFeedbackBinarized: Layout = chosenRejected(
  {
    name: "ultrafeedback-binarized",
    title: "UltraFeedback binarized",
    columns: { prompt: "text", chosen: "messages", rejected: "messages", score_chosen: "any", score_rejected: "any" },
    compared: COMPARED,
  },
  { fields: {} },
);

export const skywork: Layout = chosenRejected(
  {
    name: "skywork",
    title: "Skywork-Reward-Preference",
    columns: { chosen: "messages", rejected: "messages", source: "text" },
    recognises: ({ names }) => names.length === 3,
    compared: COMPARED,
  },
  { fields: {} },
);
