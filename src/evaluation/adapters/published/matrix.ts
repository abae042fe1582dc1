/** A prompt with a list of good and a list of bad responses: each good one is compared with each bad one. */
import type { CaseResponse } from "../../case.ts";
import { type Adapted, type AdaptOptions, namesOf, promptOf, refuseTooMany, rowFields, textsOf } from "../adapter.ts";
import { answerItem } from "../answers.ts";
import { compared } from "../compared.ts";
import type { Layout } from "../layout.ts";

const LISTS = ["chosen", "rejected"] as const;

export const matrix: Layout = {
  name: "matrix",
  title: "lists of chosen and rejected responses",
  columns: { prompt: "any", chosen: "texts", rejected: "texts" },
  compared: "each response of chosen over each of rejected; a row counts by their mean",
  adapt(row, options: AdaptOptions = {}): Adapted {
    const fields = rowFields(row, options, '{"prompt","chosen","rejected"}', ["prompt", "system", ...LISTS]);
    const context = promptOf(fields, options);
    const responses = LISTS.flatMap((name, i) =>
      textsOf(fields, name).map(
        (text, j): CaseResponse => ({
          item: answerItem(context, text, `${name}[${j}]`),
          grade: 1 - i,
          label: name,
        }),
      ),
    );
    refuseTooMany(responses, "chosen");
    if (!LISTS.every((name) => responses.some(({ label }) => label === name))) return { omitted: "an empty list" };
    return compared(responses, options, namesOf(fields));
  },
};
