/** Prints results as tables and saves them to a file. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const fixed = (value, digits) => value.toFixed(digits);

/** A text table; the first column is left-aligned, the others right-aligned. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "))
    .join("\n");
}

export function resultTable(contenders) {
  const rows = contenders.map(({ name, tokensPerSecond: { median, mad, min, max }, tokensPerCpuSecond, peakBytes }) => [
    name,
    fixed(median, 1),
    fixed(mad, 1),
    fixed(min, 1),
    fixed(max, 1),
    fixed(tokensPerCpuSecond.median, 1),
    peakBytes === undefined ? "" : fixed(peakBytes / 1024 ** 2, 0),
  ]);
  return table([["tokens/s", "median", "MAD", "min", "max", "per CPU s", "peak MiB"], ...rows]);
}

export function ratioLine({ subject, reference, ratio: { median, min, max, mad }, cpuRatio, atLeast }) {
  const verdict = atLeast === undefined ? "" : `: ${median >= atLeast ? "at least" : "BELOW"} ${fixed(atLeast, 2)}`;
  const spread = `MAD ${fixed(mad, 3)}, ${fixed(min, 3)} to ${fixed(max, 3)}`;
  const cpu = `; by CPU time ${fixed(cpuRatio.median, 3)}`;
  return `${subject} / ${reference} = ${fixed(median, 3)} (${spread})${verdict}${cpu}`;
}

export function memoryLine({ subject, reference, ratio, atMost }) {
  const verdict = atMost === undefined ? "" : `: ${ratio <= atMost ? "at most" : "ABOVE"} ${atMost}`;
  return `peak memory beyond the weights, ${subject} / ${reference} = ${fixed(ratio, 3)}${verdict}`;
}

/** @returns {string} the file's path */
export function save(folder, name, results) {
  mkdirSync(folder, { recursive: true });
  const stamp = new Date().toISOString().replaceAll(/[-:]/g, "").slice(0, 15);
  const path = join(folder, `${stamp}-${name}.json`);
  writeFileSync(path, `${JSON.stringify(results, undefined, 2)}\n`);
  return path;
}
