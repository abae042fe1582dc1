/** How a response ends: cut off, or in white space. */
import { canPart } from "./text.ts";
import { onResponse, type Transformation } from "./transformation.ts";

/** Of the response's characters, what is left. */
const KEPT = 2 / 3;
/** Shorter responses have no ending that could be missed. */
const MIN_POINTS = 12;
/** Characters that a word can have. */
const WORD = 24;
/** Characters that are tried for a place to cut. */
const MAX_BACK = 1000;
const SPACE = /\s/;
const ENDS_SENTENCE = /[.!?…؟۔।。！？]["'”’»)\]」』）]*$/;

const WHITE_SPACE =
  "Changes of form that keep the meaning: Z. Wu et al., reWordBench: Benchmarking and Improving the Robustness of Reward Models with Transformed Inputs (EMNLP 2025), arXiv 2503.11751";

export const ending: readonly Transformation[] = [
  {
    name: "cut",
    description: "Cuts the last third off, in the middle of a sentence.",
    expected: "fall",
    needs: `${MIN_POINTS} characters or more`,
    apply: onResponse(cutOff),
  },
  {
    name: "trailing-space",
    description: "Appends a space.",
    expected: "stay",
    needs: "no white space at the end",
    source: WHITE_SPACE,
    apply: onResponse((response) => (/\s$/.test(response) ? undefined : `${response} `)),
  },
  {
    name: "trailing-newline",
    description: "Appends an empty line.",
    expected: "stay",
    needs: "no white space at the end",
    source: WHITE_SPACE,
    apply: onResponse((response) => (/\s$/.test(response) ? undefined : `${response}\n\n`)),
  },
];

function cutOff(response: string): string | undefined {
  const points = Array.from(response.trim());
  if (points.length < MIN_POINTS) return undefined;
  const most = Math.floor(points.length * KEPT);
  // At a space where there is one near; in texts without, between two characters.
  let to = points.findLastIndex((point, i) => i <= most && SPACE.test(point));
  if (to < most / 2) to = most;
  for (const first = Math.max(1, to - MAX_BACK); to >= first; to--) {
    const [before = "", after = ""] = points.slice(to - 1, to + 1);
    const end = points
      .slice(Math.max(0, to - WORD), to)
      .join("")
      .trimEnd();
    const isWord = SPACE.test(after) || !hasSpaceNear(points, to);
    if (isWord && canPart(before, after) && !ENDS_SENTENCE.test(end))
      return points.slice(0, to).join("").trimEnd() || undefined;
  }
  return undefined;
}

function hasSpaceNear(points: readonly string[], at: number): boolean {
  return points.slice(Math.max(0, at - WORD), at).some((point) => SPACE.test(point));
}
