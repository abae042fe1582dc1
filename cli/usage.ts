/** What a mistake on the command line says. */
import { isDataFile, nearestValue } from "./library.ts";
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

/**
 * Commander's message as one line of ours.
 *
 * @param names that could have been meant: options of the command, or commands
 */
export function usageLine(message: string, commandLine: readonly string[] = [], names: readonly string[] = []): string {
  const lines = message
    .trim()
    .replace(/^error: /, "")
    .split("\n");
  const line = lines.map((part) => part.trim()).join(" ");
  return `starling-rm: ${visible(withName(withSuggestion(line), names) + hint(line, commandLine))}\n`;
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

/** Commander suggests names of a few letters for anything. */
function withName(line: string, names: readonly string[]): string {
  const [, name] = /^unknown (?:option|command) '(?:--)?([^'=]+)/.exec(line) ?? [];
  const plain = (known: string) => known.replace(/^--/, "");
  const near = name === undefined ? undefined : nearestValue(name, names.map(plain));
  return near === undefined ? line : `${line} (Did you mean ${names.find((known) => plain(known) === near)}?)`;
}

/** Commands that read rows. */
const READERS: readonly string[] = ["score", "rank", "tokenize", "eval", "compare", "fit"];
/** Those of them whose --input takes one value, because other words follow it. */
const ONE_BY_ONE: readonly string[] = ["eval", "compare", "fit"];

function hint(line: string, [name = "", ...words]: readonly string[]): string {
  if (/^missing required argument/.test(line)) return ` (starling-rm ${name} --help shows how it is used)`;
  const file = words.find(isDataFile);
  const isMisplaced = /^too many arguments|^command-argument value/.test(line);
  return isMisplaced && file !== undefined && READERS.includes(name) ? ` (rows are read with --input ${file})` : "";
}

/** An unquoted pattern is several words after --input: each file of rows gets an --input of its own. */
export function withEachInput(commandLine: readonly string[]): string[] {
  const [name = ""] = commandLine;
  if (!ONE_BY_ONE.includes(name)) return [...commandLine];
  let isList = false;
  return commandLine.flatMap((word, i) => {
    const before = commandLine[i - 1] ?? "";
    if (/^(?:-i|--input)$/.test(before) || /^(?:-i.|--input=)/.test(word)) {
      isList = true;
      return [word];
    }
    isList = isList && isDataFile(word) && !word.startsWith("-");
    return isList ? ["--input", word] : [word];
  });
}
