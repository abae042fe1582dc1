/** The same words in another form: lists, headings, emoji, and markdown taken away. */
import { hasCode, paragraphsOf, sentencesOf } from "./text.ts";
import { onResponse, type Transformation } from "./transformation.ts";

const FORMAT_BIAS =
  "X. Zhang et al., From Lists to Emojis: How Format Bias Affects Model Alignment (ACL 2025), arXiv 2409.11704";
const STYLE_BIAS =
  "Plain text and markdown: Y. Liu et al., RM-Bench: Benchmarking Reward Models of Language Models with Subtlety and Style (ICLR 2025), arXiv 2410.16184";

const LIST_ITEM = /^[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+/m;
const HEADING = /^ {0,3}#{1,6}[ \t]+/m;

const EMOJI = ["😊", "🎉", "✨", "👍", "🚀", "💡", "🙌", "🌟"] as const;

export const format: readonly Transformation[] = [
  {
    name: "list",
    description: "Makes a markdown list of the response's sentences.",
    expected: "stay",
    needs: "two sentences or more, and neither code, lists nor headings",
    source: FORMAT_BIAS,
    apply: onResponse((response) => {
      const sentences = sentencesOf(response);
      if (sentences.length < 2 || hasCode(response) || LIST_ITEM.test(response) || HEADING.test(response))
        return undefined;
      return sentences.map((sentence) => `- ${onOneLine(sentence)}`).join("\n");
    }),
  },
  {
    name: "headings",
    description: "Puts a markdown heading without content before each paragraph.",
    expected: "stay",
    needs: "no code and no headings",
    english: true,
    source: STYLE_BIAS,
    apply: onResponse((response) => {
      if (hasCode(response) || HEADING.test(response)) return undefined;
      const parts = paragraphsOf(response.trim());
      if (parts.length === 1) return `## Answer\n\n${parts[0]}`;
      return parts.map((part, i) => (i % 2 === 0 ? `## Part ${i / 2 + 1}\n\n${part}` : part)).join("");
    }),
  },
  {
    name: "emoji",
    description: "Ends each paragraph with an emoji.",
    expected: "stay",
    needs: "no code",
    source: FORMAT_BIAS,
    apply: onResponse((response, { pick }) => {
      if (hasCode(response)) return undefined;
      const parts = paragraphsOf(response.trimEnd());
      return parts.map((part, i) => (i % 2 === 0 ? `${part} ${pick(EMOJI, String(i / 2))}` : part)).join("");
    }),
  },
  {
    name: "plain",
    description: "Takes headings, list markers and bold marks away.",
    expected: "stay",
    needs: "headings, lists or bold text, and no code",
    source: STYLE_BIAS,
    apply: onResponse((response) => {
      if (hasCode(response)) return undefined;
      const plain = response
        .replaceAll(new RegExp(HEADING, "gm"), "")
        .replaceAll(new RegExp(LIST_ITEM, "gm"), "")
        .replaceAll(/\*\*(?=\S)([^*\n]*[^*\s])\*\*/g, "$1");
      return plain.trim() === "" ? undefined : plain;
    }),
  },
];

function onOneLine(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "").join(" ");
}
