/**
 * Dahoas/full-hh-rlhf, Dahoas/rm-static and their like: the transcript so far is the prompt, up to "Assistant:"; chosen and
 * rejected are answers, with the blank after the colon. "response" repeats the chosen one. Source: the data sets' cards,
 * microsoft/DeepSpeedExamples (dschat/utils/data/raw_datasets.py: prompt + chosen).
 */
import { type AdaptOptions, namesOf, rowFields, textOf } from "../adapter.ts";
import { answerItem } from "../answers.ts";
import { compared } from "../compared.ts";
import { openDialogueOf } from "../dialogue.ts";
import type { Layout } from "../layout.ts";

const SIDES = ["chosen", "rejected"] as const;

export const fullHh: Layout = {
  name: "full-hh",
  title: "HH-RLHF with the transcript as prompt",
  columns: { prompt: "open transcript", chosen: "text", rejected: "text" },
  compared: "chosen over rejected, after the turns of the prompt",
  adapt(row, options: AdaptOptions = {}) {
    const fields = rowFields(row, options, '{"prompt","chosen","rejected"}', ["prompt", ...SIDES]);
    const turns = openDialogueOf(fields, "prompt");
    const responses = SIDES.map((name, i) => ({
      item: answerItem(turns, textOf(fields, name).replace(/^ /, ""), name),
      grade: 1 - i,
      label: name,
    }));
    return compared(responses, options, namesOf(fields));
  },
};
