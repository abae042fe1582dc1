/** THU-KEG/RM-Bench and lmarena-ai/PPE, as `eval rmbench` and `eval ppe` read them. */
import { allGiven, rowOf } from "../adapter.ts";
import type { Layout } from "../layout.ts";
import { adaptPpe } from "../ppe.ts";
import { adaptRmBench } from "../rmbench.ts";
import { winnerColumn } from "../winner.ts";

export const rmBench: Layout = {
  name: "rmbench",
  title: "RM-Bench",
  columns: { prompt: "any", chosen: "texts", rejected: "texts", domain: "text" },
  recognises: ({ values }) =>
    ["chosen", "rejected"].every((name) => values.get(name)?.every((list) => Array.isArray(list) && list.length === 3)),
  compared: "each of three right answers over each of three wrong ones",
  adapt: adaptRmBench,
};

export const ppeHuman: Layout = {
  name: "ppe-human",
  title: "PPE's human preferences",
  columns: {
    ...{ question_id: "text", model_a: "text", model_b: "text", winner: "text" },
    ...{ prompt: "any", response_1: "text", response_2: "text" },
  },
  without: ["response_3"],
  over: ["two-responses"],
  compared: "the response that a person preferred over the other",
  label: () => winnerColumn,
  adapt(row, options = {}) {
    const { scores, sampled_conflict_pairs } = allGiven(row, options);
    if (scores !== undefined || sampled_conflict_pairs !== undefined) throw rowOf("ppe-best-of-k", 'it has "scores"');
    return adaptPpe(row, options);
  },
};

export const ppeCorrectness: Layout = {
  name: "ppe-best-of-k",
  title: "PPE's right and wrong answers",
  columns: { prompt: "any", response_1: "text", response_2: "text", scores: "any", sampled_conflict_pairs: "any" },
  over: ["two-responses"],
  compared: "the right answer over the wrong one, in the pairs that the data set drew",
  adapt(row, options = {}) {
    const { scores, winner } = allGiven(row, options);
    if (scores === undefined && winner !== undefined) throw rowOf("ppe-human", 'it has a "winner" and no "scores"');
    return adaptPpe(row, options);
  },
};
