/**
 * stanfordnlp/SHP and SHP-2: a post of Reddit ("history") and two comments; labels is 1 where A has the higher score and 0
 * where B has. Source: the data set's card; eric-mitchell/direct-preference-optimization (preference_datasets.py, get_shp).
 */
import { wrong } from "../adapter.ts";
import { asNumber } from "../labels.ts";
import type { Layout } from "../layout.ts";
import { twoResponses } from "./described.ts";
import { onScale } from "./verdicts.ts";

const byLabel = onScale("labels", 1, 0);

export const shp: Layout = twoResponses(
  {
    name: "shp",
    title: "Stanford Human Preferences",
    columns: { history: "text", human_ref_A: "text", human_ref_B: "text", labels: "label" },
    compared: "the comment with the higher score over the other",
  },
  {
    prompt: "history",
    responses: ["human_ref_A", "human_ref_B"],
    verdict: {
      of(fields) {
        const grades = byLabel.of(fields);
        const [a, b] = [asNumber(fields["score_A"]), asNumber(fields["score_B"])];
        if ("omitted" in grades || a === undefined || b === undefined || a === b || a > b === grades[0] > grades[1])
          return grades;
        throw wrong(`${a > b ? 1 : 0} (score_A is ${a}, score_B ${b})`, "labels", fields["labels"]);
      },
      label: byLabel.label,
    },
    id: "post_id",
  },
);
