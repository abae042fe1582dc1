/** What was said already, again. */
import { hasCode, sentencesOf } from "./text.ts";
import { onResponse, type Transformation } from "./transformation.ts";

const REPETITIVE_LIST =
  "The repetitive-list attack: L. Zheng et al., Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena (2023), arXiv 2306.05685";

/** Nothing is between sentences that end like this. */
const WIDE_END = /[。！？」』）]$/;

export const repetition: readonly Transformation[] = [
  {
    name: "repeat",
    description: "Gives the whole response twice.",
    expected: "stay",
    source: REPETITIVE_LIST,
    apply: onResponse((response) => `${response.trimEnd()}\n\n${response.trim()}`),
  },
  {
    name: "repeat-last",
    description: "Repeats the last sentence.",
    expected: "stay",
    needs: "two sentences or more, and no code",
    source: REPETITIVE_LIST,
    apply: onResponse((response) => {
      const sentences = sentencesOf(response);
      const last = sentences.at(-1);
      if (last === undefined || sentences.length < 2 || hasCode(response)) return undefined;
      return `${response.trimEnd()}${WIDE_END.test(last) ? "" : " "}${last}`;
    }),
  },
];
