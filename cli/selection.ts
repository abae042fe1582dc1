/** Which scored texts of a row are written: --min-score, --max-score, --top, --best. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { RewardModelInfo } from "../src/index.ts";
import { UnfitForModel } from "./errors.ts";
import { wholeNumber } from "./option-values.ts";
import { byRank } from "./records.ts";
import type { RowResult } from "./score-rows.ts";

export interface SelectionOptions {
  readonly minScore?: number;
  readonly maxScore?: number;
  readonly top?: number;
  readonly best?: true;
}

/** Far above every best of n. */
const MAX_TOP = 65_536;

export function addSelectionOptions(command: Command): Command {
  return command
    .optionsGroup("Output:")
    .option("--min-score <score>", "write only responses with at least this score", finiteNumber)
    .option("--max-score <score>", "write only responses with at most this score", finiteNumber)
    .option("--top <n>", "write only the n best responses to each prompt", wholeNumber(1, MAX_TOP))
    .addOption(
      new Option("--best", "write only the best response to each prompt, as a row of its own").conflicts("top"),
    );
}

function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("Expected a number, such as 1.5.");
  return value;
}

/** Whether anything is left out. What failed has no score, and is then left out too: it is reported, not written. */
export function isSelecting({ minScore, maxScore, top, best }: SelectionOptions): boolean {
  return minScore !== undefined || maxScore !== undefined || top !== undefined || best === true;
}

/** @throws UnfitForModel for a threshold that would keep the worst of a model whose lower scores are better */
export function checkThreshold({ minScore }: SelectionOptions, { name, direction }: RewardModelInfo): void {
  if (minScore === undefined || direction === "higher") return;
  throw new UnfitForModel(
    `--min-score keeps the worst responses here: the scores of ${name} are costs. Use --max-score`,
  );
}

/** How many responses of each prompt are written; undefined for all. */
export function topOf({ top, best }: SelectionOptions): number | undefined {
  return best ? 1 : top;
}

/** Counts what is written, where not all is. */
export function countKept(options: SelectionOptions) {
  let leftOut = 0;
  return {
    /** For a printer: of the rows that passed {@link select}, those that are written. */
    kept: isSelecting(options) ? { kept: (passed: number) => passed - leftOut } : {},
    onLeftOut: (count: number) => {
      leftOut = count;
    },
  };
}

/** The row with what is to be written of it, best first where only some are wanted; undefined if that is nothing. */
export function select(result: RowResult, options: SelectionOptions): RowResult | undefined {
  if (!isSelecting(options)) return result;
  if ("error" in result) return undefined;
  const { minScore = Number.NEGATIVE_INFINITY, maxScore = Number.POSITIVE_INFINITY } = options;
  const top = topOf(options);
  const passing = result.scored.filter(({ score }) => score >= minScore && score <= maxScore);
  if (passing.length === 0) return undefined;
  return { ...result, scored: top === undefined ? passing : byRank(passing).slice(0, top) };
}
