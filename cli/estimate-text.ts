/** An estimate for people. */

import { counted, grouped } from "./counted.ts";
import type { Estimate } from "./library.ts";
import { quantity } from "./progress-bar.ts";

/** What --json prints. */
export type EstimateReport = Estimate & {
  readonly model: {
    readonly path: string;
    readonly name: string;
    readonly weightType: string;
    readonly parameters: number;
  };
};

const LABEL_WIDTH = 16;
const BAR_WIDTH = 30;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function estimateText(report: EstimateReport): string {
  const { model, rows, texts, tokens, truncated, failures, sample, rate, hours, deadline, cost } = report;
  const about = sample === undefined ? "" : "about ";
  const part = tokens.total === 0 ? "" : ` (${percent(tokens.computed / tokens.total)} of them: shared prefixes once)`;
  const error = sample?.relativeError;
  const within = (value: number | undefined) => (value === undefined ? "" : `, ± ${percent(value)} (95 %)`);
  const lines = [
    line("model", `${model.name}, ${model.weightType}, ${quantity(model.parameters)} weights`),
    line("rows", `${grouped(rows.total)}${rows.failed === 0 ? "" : `, ${about}${grouped(rows.failed)} of them fail`}`),
    ...(sample === undefined
      ? []
      : [line("sample", `${grouped(sample.rows)} rows in ${counted(sample.blocks, "block")}; the rest is scaled up`)]),
    line("texts", about + grouped(texts)),
    line("tokens", `${about}${grouped(tokens.total)}${within(error?.total)}`),
    line("computed", `${about}${grouped(tokens.computed)}${part}${within(error?.computed)}`),
    line("truncated", truncatedText(truncated, about)),
    ...failures.map(({ code, rows: count, where, message }) =>
      line("failed", `${about}${counted(count, "row")}, ${code}; first ${where}: ${message}`),
    ),
    ...distribution(report),
    ...(rate === undefined ? [] : [line("rate", rateText(rate))]),
    ...(hours === undefined
      ? []
      : [line("time", `${about}${duration(hours * HOUR)} on one such machine${spread(report)}`)]),
    ...(deadline === undefined
      ? []
      : [
          line(
            "deadline",
            `${counted(deadline.machines, "machine")} for ${duration(deadline.hours * HOUR)}, if none is idle`,
          ),
        ]),
    ...(cost === undefined
      ? []
      : [line("cost", `${about}${money(cost.total)} in all, ${money(cost.perMillionRows)} for a million rows`)]),
  ];
  return lines.map((each) => `${each}\n`).join("");
}

function line(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${text}`;
}

function truncatedText({ rows, texts, tokensLost }: EstimateReport["truncated"], about: string): string {
  if (texts === 0) return "none";
  return `${about}${counted(texts, "text")} in ${counted(rows, "row")}, ${grouped(tokensLost)} tokens lost`;
}

function distribution({ tokens: { perText } }: EstimateReport): string[] {
  if (perText === undefined) return [];
  const { min, median, mean, p90, p99, max, histogram } = perText;
  const most = Math.max(...histogram.map(({ texts }) => texts));
  const width = String(max).length;
  return [
    line(
      "tokens per text",
      `min ${min}, median ${median}, mean ${mean.toFixed(1)}, p90 ${p90}, p99 ${p99}, max ${max}`,
    ),
    ...histogram.map(({ from, to, texts }) => {
      const range = `${String(from).padStart(width)} to ${String(to).padStart(width)}`;
      const bar = "#".repeat(texts === 0 ? 0 : Math.max(1, Math.round((texts / most) * BAR_WIDTH)));
      return `${" ".repeat(LABEL_WIDTH)}${range}  ${bar}${bar === "" ? "" : " "}${grouped(texts)}`;
    }),
  ];
}

function rateText(rate: NonNullable<EstimateReport["rate"]>): string {
  const speed = `${rateNumber(rate.tokensPerSecond)} tokens/s`;
  if (rate.source === "given") return `${speed}, as given`;
  if (rate.source === "derived") return `${speed} on ${rate.machine}, ${rate.derivation}`;
  const { repetitions, slowest, fastest } = rate;
  const texts = repetitions.reduce((sum, repetition) => sum + repetition.texts, 0);
  return repetitions.length === 1
    ? `${speed}, measured here once (${counted(texts, "text")}): more rows would show how much it varies`
    : `${speed}, measured here: median of ${repetitions.length} slices (${counted(texts, "text")}), ` +
        `${rateNumber(slowest)} to ${rateNumber(fastest)}`;
}

/** What the slowest and the fastest repetition would take. */
function spread({ rate, tokens }: EstimateReport): string {
  if (rate?.source !== "measured" || rate.repetitions.length === 1) return "";
  return ` (${duration(tokens.computed / rate.fastest)} to ${duration(tokens.computed / rate.slowest)})`;
}

function rateNumber(rate: number): string {
  return rate < 10 ? rate.toFixed(2) : rate < 1000 ? rate.toFixed(1) : grouped(Math.round(rate));
}

function duration(seconds: number): string {
  if (seconds < MINUTE) return `${seconds.toFixed(1)} s`;
  if (seconds < 2 * HOUR) return `${(seconds / MINUTE).toFixed(1)} min`;
  return seconds < 2 * DAY ? `${(seconds / HOUR).toFixed(1)} h` : `${(seconds / DAY).toFixed(1)} days`;
}

function money(amount: number): string {
  return amount >= 100 ? grouped(Math.round(amount)) : amount.toPrecision(2);
}

function percent(part: number): string {
  return `${(part * 100).toFixed(part < 0.1 ? 1 : 0)} %`;
}
