/** HTML tables. */
import type { Interval } from "../measures/interval.ts";
import { type Content, grouped, html, type Markup } from "./markup.ts";
import { ABSENT, intervalText, label, share } from "./numbers.ts";

/** More rows would make the page slow; the JSON report has all of them. */
const MAX_TABLE_ROWS = 100;

export interface TableOptions {
  readonly caption?: string;
  readonly columns: readonly Content[];
  /** The first cell of a row is its header. */
  readonly rows: readonly (readonly Content[])[];
  /** Stacked on phones, whatever the number of columns: their names are long. */
  readonly hasLongNames?: boolean;
}

/** Tables of more columns are stacked on phones: one line a cell. */
const MAX_PHONE_COLUMNS = 4;

/** Scrolls sideways if too wide, and says how many rows are not shown. */
export function table({ caption, columns, rows, hasLongNames = false }: TableOptions): Markup {
  const left = rows.length - MAX_TABLE_ROWS;
  const isStacked = hasLongNames || columns.length > MAX_PHONE_COLUMNS;
  const name = (i: number) => {
    const column = isStacked ? columns[i + 1] : undefined;
    return typeof column === "string" && html` data-name="${column}"`;
  };
  return html`<div class="scroll"><table${isStacked && html` class="stack${hasLongNames && " names"}"`}>${caption !== undefined && html`<caption>${caption}</caption>`}
<thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>${rows
    .slice(0, MAX_TABLE_ROWS)
    .map(
      ([first, ...others]) =>
        html`<tr><th scope="row">${first}</th>${others.map((cell, i) => html`<td${name(i)}${cell === ABSENT && html` class="absent"`}>${cell}</td>`)}</tr>\n`,
    )}</tbody></table></div>${left > 0 && html`<p class="note">… and ${grouped(left)} more in the JSON report.</p>`}`;
}

/** A score with its interval below it. */
export function estimateCell(value: number | undefined, interval: Interval | undefined): Markup {
  return html`<span><b>${share(value)}</b>${below(interval)}</span>`;
}

/** An interval on a line of its own, below its number. */
export function below(interval: Interval | undefined): Content {
  return interval && html`<small>${intervalText(interval)}</small>`;
}

/** The data of a chart, collapsed. */
export function numbersOf(options: TableOptions): Markup {
  return html`<details><summary>Data</summary>${table(options)}</details>`;
}

export function binTable(
  name: string,
  bins: readonly {
    readonly low: number;
    readonly high: number;
    readonly comparisons: number;
    readonly accuracy: number;
  }[],
): Markup {
  return numbersOf({
    columns: [name, "comparisons", "accuracy"],
    rows: bins.map(({ low, high, comparisons, accuracy }) => [
      low === high ? label(low) : `${label(low)} to ${label(high)}`,
      grouped(comparisons),
      share(accuracy),
    ]),
  });
}
