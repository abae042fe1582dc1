/** A response that answers something else. */
import type { Transformation } from "./transformation.ts";

export const swap: readonly Transformation[] = [
  {
    name: "swap",
    description: "Replaces the response by one to another prompt of the data.",
    expected: "fall",
    usesOthers: true,
    needs: "another prompt in the data, with another response",
    source:
      "Whether a reward model reads the prompt: L. Shen et al., The Trickle-down Impact of Reward (In-)consistency on RLHF (2023), arXiv 2309.16155",
    apply: (subject, { otherResponse }) =>
      otherResponse === undefined ? undefined : { ...subject, response: otherResponse },
  },
];
