/** Prints results as tables and saves them to a file. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const COLUMNS = 100;

const fixed = (value, digits) => value.toFixed(digits);

/** A text table; the first column is left-aligned, the others right-aligned. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "))
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Words in lines of at most 100 characters. */
export function wrapped(words) {
  const lines = [""];
  for (const word of words) {
    if (lines.at(-1).length + 1 + word.length > COLUMNS) lines.push("");
    lines.push(`${lines.pop()} ${word}`.trimStart());
  }
  return lines.join("\n");
}

/** A rate in few characters. */
export function shortRate(value) {
  return fixed(value, value < 1000 ? 1 : 0);
}

/** Who did not take part, by reason. */
export function skippedLines(skipped) {
  const reasons = [...new Set(skipped.map(({ reason }) => reason))];
  return reasons.map((reason) => {
    const names = skipped.filter((one) => one.reason === reason).map(({ name }) => name);
    return wrapped(`Skipped: ${names.join("; ")}: ${reason}.`.split(" "));
  });
}

/** Which kernels each of our contenders used, and why not our own. */
export function kernelLines(contenders) {
  return contenders
    .filter(({ details }) => details?.kernels !== undefined)
    .map(({ name, details: { kernels, ownKernelsReason } }) => {
      const names = [...new Set(kernels.map(({ kernel }) => kernel))].join(", ");
      const text = `Kernels of ${name}: ${names}${ownKernelsReason === undefined ? "" : ` (${ownKernelsReason})`}.`;
      return wrapped(text.split(" "));
    });
}

/** Rates in tokens per second; at the end, where there is a roofline, GFLOP/s and the share of the GEMM peak. */
export function resultTable(contenders) {
  const rows = contenders.map(({ name, tokensPerSecond, tokensPerCpuSecond, peakBytes, roofline }) => [
    name,
    ...spread(tokensPerSecond, shortRate),
    shortRate(tokensPerCpuSecond.median),
    peakBytes === undefined ? "" : fixed(peakBytes / 1024 ** 2, 0),
    ...(roofline === undefined ? [] : [gigaflops(roofline.operationsPerSecond), share(roofline.ofPeak)]),
  ]);
  const columns = ["tokens/s", ...SPREAD, "/CPU s", "MiB", "GFLOP/s", "of peak"];
  return table([columns.slice(0, rows[0].length), ...rows]);
}

const SPREAD = ["median", "MAD", "min", "max"];
const spread = ({ median, mad, min, max }, text) => [median, mad, min, max].map((value) => text(value));
const gigaflops = (value) => shortRate(value / 1e9);
const share = (value) => (value === undefined ? "?" : `${fixed(100 * value, 1)} %`);

/** The measured matrix products, and which of them is the roofline. */
export function peakTable({ threads, tokens, columns, rows, products, best }) {
  if (best === undefined) return "GEMM peak: unknown, for neither our kernels nor torch run here.";
  const head = `GFLOP/s, ${threads} threads, ${tokens} x ${columns} x ${rows}`;
  const lines = products.map(({ name, rate }) => [name, ...spread(rate, gigaflops)]);
  return `${table([[head, ...SPREAD], ...lines])}\nGEMM peak: ${gigaflops(best.rate.median)} GFLOP/s (${best.name})`;
}

/** One table of ratios for each subject. */
export function ratioTables(comparisons) {
  const subjects = [...new Set(comparisons.map(({ subject }) => subject))];
  const three = (value) => fixed(value, 3);
  const tables = subjects.map((subject) => {
    const rows = comparisons
      .filter((one) => one.subject === subject)
      .map(({ reference, ratio, cpuRatio, atLeast }) => {
        const verdict = atLeast === undefined ? "" : ratio.median >= atLeast ? "at least" : "BELOW";
        return [
          `to ${reference}`,
          ...spread(ratio, three),
          three(cpuRatio.median),
          `${verdict} ${atLeast === undefined ? "" : fixed(atLeast, 2)}`.trim(),
        ];
      });
    return table([[`ratio, ${subject}`, ...SPREAD, "by CPU", ""], ...rows]);
  });
  return tables.join("\n\n");
}

export function memoryLine({ subject, reference, ratio, atMost }) {
  const verdict = atMost === undefined ? "" : `: ${ratio <= atMost ? "at most" : "ABOVE"} ${atMost}`;
  return `memory beyond the weights, ${subject} to ${reference}: ${fixed(ratio, 3)}${verdict}`;
}

/** The path of a new result file. */
export function resultPath(folder, name) {
  mkdirSync(folder, { recursive: true });
  const stamp = new Date().toISOString().replaceAll(/[-:]/g, "").slice(0, 15);
  return join(folder, `${stamp}-${name}.json`);
}

/** @returns {string} the file's path */
export function save(folder, name, results) {
  const path = resultPath(folder, name);
  writeResults(path, results);
  return path;
}

export function writeResults(path, results) {
  writeFileSync(path, `${JSON.stringify(results, undefined, 2)}\n`);
}
