/**
 * Intel/orca_dpo_pairs ("question") and argilla/distilabel-intel-orca-dpo-pairs ("input"), whose "status" says where the
 * judges saw a tie. Other pairs of distilabel: argilla/ultrafeedback-binarized-preferences and distilabel-math-preference-dpo
 * ("chosen_response"), distilabel-capybara-dpo-7k-binarized (whole conversations). lvwerra/stack-exchange-paired: the answer j
 * has more votes than the answer k. Source: the data sets' cards; huggingface/trl, examples/research_projects/stack_llama.
 */
import type { Layout } from "../layout.ts";
import { chosenRejected } from "./described.ts";

const COMPARED = "chosen over rejected";

export const orca: Layout = chosenRejected(
  {
    name: "orca-dpo",
    title: "question, chosen and rejected, as in Orca DPO pairs",
    columns: { question: "text", chosen: "text", rejected: "text" },
    without: ["prompt", "messages", "instruction", "input"],
    compared: COMPARED,
  },
  { fields: { prompt: "question" } },
);

export const distilabelOrca: Layout = chosenRejected(
  {
    name: "distilabel-orca",
    title: "distilabel Orca DPO pairs",
    columns: { input: "text", chosen: "text", rejected: "text", status: "text" },
    without: ["prompt", "messages", "instruction", "question"],
    compared: COMPARED,
  },
  // adaptPairs() skips ties by "status".
  { fields: { prompt: "input" } },
);

export const stackExchange: Layout = chosenRejected(
  {
    name: "stack-exchange",
    title: "Stack Exchange paired",
    columns: { question: "text", response_j: "text", response_k: "text" },
    compared: "response_j, which has more votes, over response_k",
  },
  { fields: { prompt: "question", chosen: "response_j", rejected: "response_k" } },
);

export const chosenResponse: Layout = chosenRejected(
  {
    name: "chosen-response",
    title: "distilabel pairs (chosen_response)",
    columns: { instruction: "text", chosen_response: "text", rejected_response: "text" },
    compared: "chosen_response over rejected_response",
  },
  { fields: { prompt: "instruction", chosen: "chosen_response", rejected: "rejected_response" } },
);

export const capybara: Layout = chosenRejected(
  {
    name: "capybara-dpo",
    title: "distilabel Capybara DPO",
    columns: { conversation: "objects", chosen: "messages", rejected: "messages" },
    compared: COMPARED,
  },
  // The conversations have the prompt in them.
  { fields: {}, unread: ["conversation", "prompt"] },
);
