/** Tables for people. Columns are fixed: each row is printed as it comes. */
import type { TokenRewards } from "../src/index.ts";
import { byRank } from "./records.ts";
import type { RowResult, ScoredText } from "./score-rows.ts";
import { itemText } from "./score-rows.ts";
import { padStart, preview, textWidth, visible } from "./visible-text.ts";

const SCORE_DIGITS = 4;
const TOKEN_DIGITS = 2;
const WIDTHS = { name: 8, score: 10, tokens: 7 };
const LEFT_WIDTH = WIDTHS.name + WIDTHS.score + WIDTHS.tokens + 2 * 3;
const MIN_TEXT_WIDTH = 10;
const CUT_LEGEND = "+ = truncated: only the last tokens were scored";

/** Each result as lines. */
export interface Table {
  /** Text before the first row. */
  begin(): string;
  row(result: RowResult): string;
  /** Text after the last row. */
  end(): string;
}

export interface TableOptions {
  readonly columns: number;
  /** The model's notice, shown with its scores. */
  readonly notice: string | undefined;
}

/** For `score`: one line per text, in input order. */
export function scoreTable({ columns, notice }: TableOptions): Table {
  let cut = false;
  return {
    begin: () => `${noticeLine(notice)}${line(["#", "score", "tokens", "text"], columns)}`,
    row(result) {
      const { index, many } = result.row;
      if ("error" in result) return failedLine(String(index), result, columns);
      cut ||= result.scored.some(({ truncated }) => truncated);
      return result.scored
        .map((text) => {
          const shown = many ? `(rank ${text.rank}) ${text.text}` : text.text;
          return textLine(many ? `${index}.${text.index}` : String(index), text, shown, columns);
        })
        .join("");
    },
    end: () => (cut ? `${CUT_LEGEND}\n` : ""),
  };
}

/** For `rank` and `demo`: each prompt with its responses, best first. */
export function rankTable({ columns, notice }: TableOptions): Table {
  let cut = false;
  return {
    begin: () => noticeLine(notice),
    row(result) {
      if ("error" in result) return `\n${failedLine(String(result.row.index), result, columns)}`;
      cut ||= result.scored.some(({ truncated }) => truncated);
      const prompt = (result.row.items[0] as { prompt?: string } | undefined)?.prompt ?? "";
      const title = `${result.row.index}: `;
      const heading = `${title}${preview(prompt, columns - title.length)}\n`;
      const lines = byRank(result.scored).map((text) => textLine(String(text.rank), text, text.text, columns));
      return `\n${heading}${line(["rank", "score", "tokens", "response"], columns)}${lines.join("")}`;
    },
    end: () => (cut ? `\n${CUT_LEGEND}\n` : ""),
  };
}

function noticeLine(notice: string | undefined): string {
  return notice === undefined ? "" : `${visible(notice)}\n`;
}

function textLine(name: string, scored: ScoredText, text: string, columns: number): string {
  const { score, tokenCount, truncated, tokenRewards } = scored;
  const own = line([name, score.toFixed(SCORE_DIGITS), `${tokenCount}${truncated ? "+" : ""}`, text], columns);
  return tokenRewards === undefined ? own : own + tokenLines(tokenRewards, columns);
}

/** The reward at every token of the response, below its text. */
function tokenLines({ pieces, rewards }: TokenRewards, columns: number): string {
  const indent = " ".repeat(LEFT_WIDTH);
  const width = Math.max(MIN_TEXT_WIDTH, columns - LEFT_WIDTH);
  const lines: string[] = [];
  let text = "";
  for (const [i, piece] of pieces.entries()) {
    const cell = `${preview(piece, MIN_TEXT_WIDTH)} ${(rewards[i] as number).toFixed(TOKEN_DIGITS)}`;
    if (text !== "" && textWidth(text) + 2 + textWidth(cell) > width) {
      lines.push(text);
      text = "";
    }
    text += text === "" ? cell : `  ${cell}`;
  }
  return [...lines, text].map((each) => `${indent}${each}\n`).join("");
}

function failedLine(name: string, result: RowResult, columns: number): string {
  return line([name, "failed", "-", itemText(result.row.items[0])], columns);
}

function line([name, score, tokens, text]: readonly [string, string, string, string], columns: number): string {
  const left = [padStart(name, WIDTHS.name), padStart(score, WIDTHS.score), padStart(tokens, WIDTHS.tokens)].join("  ");
  const right = preview(text, Math.max(MIN_TEXT_WIDTH, columns - LEFT_WIDTH));
  return `${`${left}  ${right}`.trimEnd()}\n`;
}

/** Two columns, the names aligned. */
export function propertyTable(properties: readonly (readonly [string, string])[]): string {
  const width = Math.max(...properties.map(([name]) => name.length));
  return properties.map(([name, value]) => `${name.padEnd(width)}  ${visible(value)}\n`).join("");
}
