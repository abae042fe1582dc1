/** Exports as files that the browser saves. */
import { html, type TemplateResult } from "lit";
import { csv, jsonLines } from "./export.ts";

/** Both formats. */
export function exports(save: (format: "jsonl" | "csv") => void): TemplateResult {
  return html`<div class="actions"><span class="note">Export</span>
    <button class="quiet" @click=${() => save("jsonl")}><span class="sr">Export as </span>JSON lines</button>
    <button class="quiet" @click=${() => save("csv")}><span class="sr">Export as </span>CSV</button></div>`;
}

export function save(name: string, format: "jsonl" | "csv", rows: readonly Record<string, unknown>[]): void {
  if (format === "csv") download(`${name}.csv`, "text/csv;charset=utf-8", csv(rows));
  else download(`${name}.jsonl`, "application/x-ndjson", jsonLines(rows));
}

/** Saved by the browser. */
function download(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  [link.href, link.download] = [url, name];
  link.click();
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
