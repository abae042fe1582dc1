/**
 * Pairs of reasoning, of which the last part is the response: openbmb/UltraInteract_pair (the conversation before it is
 * "trajectory") and xinlai/Math-Step-DPO-10K (chosen and rejected are one step, and what follows, after the same
 * "initial_reason_steps" of the answer). Source: the data sets' cards; dvlab-research/Step-DPO, stepdpo_trainer's preparation
 * of rows.
 */
import { type Adapted, type AdaptOptions, allGiven, textOf } from "../adapter.ts";
import type { Layout } from "../layout.ts";
import { adaptPairs } from "../pairs.ts";
import { chosenRejected, keeping } from "./described.ts";

export const ultraInteract: Layout = chosenRejected(
  {
    name: "ultrainteract",
    title: "UltraInteract pairs",
    columns: { trajectory: "messages", chosen: "text", rejected: "text" },
    without: ["prompt", "messages"],
    compared: "chosen over rejected, after the trajectory",
  },
  { fields: { prompt: "trajectory" } },
);

const BEGINNING = "initial_reason_steps";

export const stepDpo: Layout = {
  name: "step-dpo",
  title: "Math-Step-DPO",
  columns: { prompt: "text", [BEGINNING]: "text", chosen: "text", rejected: "text" },
  compared: "the beginning of the answer with chosen over the same with rejected",
  adapt(row, options: AdaptOptions = {}): Adapted {
    const { [BEGINNING]: given, ...rest } = allGiven(row, options);
    const beginning = given === undefined ? "" : textOf({ [BEGINNING]: given }, BEGINNING);
    const sides = Object.fromEntries(
      ["chosen", "rejected"].map((name) => {
        const step = textOf(rest, name);
        // Without a step there is no answer, whatever it began with; whole solutions have the beginning themselves.
        return [name, step.trim() === "" || step.startsWith(beginning) ? step : beginning + step];
      }),
    );
    return adaptPairs({ ...rest, ...sides }, keeping(["chosen", "rejected"], options));
  },
};
