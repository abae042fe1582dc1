/** What a mistake on the command line says. */
import { nearestValue } from "./library.ts";
import { visible } from "./visible-text.ts";

/** Other names of values, by habit of other tools. */
const HABITS: Readonly<Record<string, string>> = {
  cpu: "off",
  none: "off",
  nvidia: "cuda",
  amd: "vulkan",
  apple: "metal",
  mps: "metal",
  gpu: "auto",
  ndjson: "jsonl",
  tab: "tsv",
};

/** Commander's message as one line of ours; a suggestion may be its second line. */
export function usageLine(message: string): string {
  const lines = message
    .trim()
    .replace(/^error: /, "")
    .split("\n");
  const line = lines.map((part) => part.trim()).join(" ");
  return `starling-rm: ${visible(withSuggestion(line))}\n`;
}

/** A value that is almost one of the allowed ones is named, as Commander does with options. */
function withSuggestion(line: string): string {
  const [, value, list] =
    /(?:argument|value) '(.*)' is invalid(?: for argument '[^']*')?\. (?:Allowed choices are|Expected one of) (.*)\.$/s.exec(
      line,
    ) ?? [];
  if (value === undefined || list === undefined) return line;
  const allowed = list.split(", ");
  const habit = HABITS[value.toLowerCase()];
  const near = habit !== undefined && allowed.includes(habit) ? habit : nearestValue(value, allowed);
  return near === undefined ? line : `${line} (Did you mean ${near}?)`;
}
