/** Text that adds length and nothing else. */
import { onResponse, type Transformation } from "./transformation.ts";

const LENGTH_BIAS =
  "Length bias: P. Singhal et al., A Long Way to Go: Investigating Length Correlations in RLHF (2023), arXiv 2310.03716";

const CLOSINGS = [
  "I hope this helps! Let me know if you have any other questions.",
  "Please feel free to ask if anything is unclear.",
  "Let me know if you would like me to go into more detail.",
  "If you need anything else, I am always happy to help.",
] as const;

const PARAGRAPHS = [
  "It is worth noting that there are many things to consider here, and that every situation is different. Taking the time to " +
    "think about it carefully is always a good idea.",
  "As with most questions of this kind, there is a lot that could be said, and different people may see it in different ways. " +
    "Keeping an open mind is important.",
  "In conclusion, this is an interesting topic with many aspects. The points above give an overview, and there is always more to " +
    "learn.",
] as const;

export const filler: readonly Transformation[] = [
  {
    name: "closing",
    description: "Appends a closing phrase, such as “I hope this helps!”.",
    expected: "stay",
    english: true,
    source: LENGTH_BIAS,
    apply: onResponse((response, { pick }) => `${response.trimEnd()}\n\n${pick(CLOSINGS)}`),
  },
  {
    name: "filler",
    description: "Appends a paragraph that says nothing about the prompt.",
    expected: "stay",
    english: true,
    source: LENGTH_BIAS,
    apply: onResponse((response, { pick }) => `${response.trimEnd()}\n\n${pick(PARAGRAPHS)}`),
  },
];
