/** The results of probes for people. */
import type { Probe, ProbeReport } from "../src/entry/eval.ts";
import { counted } from "./counted.ts";
import { ABSENT, aligned, INTERVAL, range, share, signed, wrapped } from "./measure-text.ts";
import { skippedText } from "./row-counts.ts";
import { visible } from "./visible-text.ts";

type Measures = ProbeReport["probes"][number];
type Flips = NonNullable<Measures["pairs"]>["both"];
type Interval = NonNullable<NonNullable<Measures["shift"]>["interval"]>;

const AGAINST = "*";

/** On a narrow terminal the last columns follow below. */
export function probeTable(report: ProbeReport, columns: number): string {
  const { probes, model, scores } = report;
  const hasPairs = probes.some(({ pairs }) => pairs !== undefined);
  const flips = hasPairs ? ["flips: rejected", "chosen", "both"] : [];
  const head = ["probe", "should", "texts", "mean shift", INTERVAL, "in SD", ...flips, "median", "up", "down"];
  const rows = probes.map((own) => [
    own.probe,
    own.expected,
    String(own.measured),
    `${signed(own.shift?.mean)}${isAgainst(own) ? AGAINST : ""}`,
    range(own.shift?.interval, signed),
    signed(own.standardized?.mean),
    ...(hasPairs ? [own.pairs?.rejected, own.pairs?.chosen, own.pairs?.both].map(flipText) : []),
    signed(own.shift?.median),
    percent(own.up),
    percent(own.down),
  ]);
  const notice = model.notice === undefined ? [] : wrapped(visible(model.notice), columns);
  const known = `${counted(scores.count, "score")} of ${counted(report.prompts, "prompt")}`;
  const deviation = scores.standardDeviation;
  const spread = deviation === undefined ? known : `${known}, standard deviation ${share(deviation)}`;
  const of = report.incomplete === undefined ? "" : `, ${report.incomplete.sentence}`;
  const lines = [...notice, ...wrapped(`The texts as they are: ${spread}${of}.`, columns)];
  const notes = [
    ...(probes.some(isAgainst)
      ? wrapped(
          `${AGAINST} not as it should be: a score moved that should stay, or one that should fall did not.`,
          columns,
        )
      : []),
    ...probes.flatMap((own) => leftOut(own)).flatMap((note) => wrapped(note, columns)),
    ...failures(report).flatMap((note) => wrapped(note, columns)),
  ];
  const after = notes.length > 0 ? `\n${notes.map((line) => `${line}\n`).join("")}` : "";
  return `${lines.map((line) => `${line}\n`).join("")}\n${aligned([head, ...rows], columns)}${after}`;
}

/** Whether the interval of the mean shift shows another thing than what should happen, or does not show that it happens. */
function isAgainst({ expected, shift }: Measures): boolean {
  const interval: Interval | undefined = shift?.interval;
  if (interval === undefined) return false;
  const { low, high } = interval;
  if (expected === "stay") return low > 0 || high < 0;
  return expected === "fall" ? high >= 0 : low <= 0;
}

function leftOut({ probe, responses, skipped, truncated, failed }: Measures): string[] {
  const reasons = Object.entries(skipped).map(([reason, count]) => `${count}: ${visible(reason)}`);
  const all = [
    ...reasons,
    ...(truncated > 0 ? [`${truncated}: truncated to the last tokens`] : []),
    ...(failed > 0 ? [`${failed}: could not be scored`] : []),
  ];
  return all.length === 0 ? [] : [`${probe}, left out of ${counted(responses, "response")}: ${all.join("; ")}.`];
}

function failures({ rows }: ProbeReport): string[] {
  const skipped = skippedText(rows);
  return [
    ...(skipped === undefined ? [] : [`${skipped}.`]),
    ...(rows.broken > 0 ? [`${counted(rows.broken, "row")} could not be read.`] : []),
  ];
}

function flipText(flips: Flips | undefined): string {
  return percent(flips?.flipped);
}

function percent(part: { readonly share: number } | undefined): string {
  return part === undefined ? ABSENT : `${(100 * part.share).toFixed(1)} %`;
}

/** For `--list`: a block per probe. */
export function probeList(probes: readonly Probe[], columns: number): string {
  return probes
    .map(({ name, expected, description, needs, source }) => {
      const texts = [
        description,
        ...(needs === undefined ? [] : [`Needs ${needs}.`]),
        ...(source === undefined ? [] : [`Source: ${source}`]),
      ];
      const lines = texts.flatMap((text) => wrapped(text, columns - INDENT.length));
      return `${name} (should ${expected})\n${lines.map((line) => `${INDENT}${line}\n`).join("")}`;
    })
    .join("\n");
}

const INDENT = "  ";
