/** The text of the progress line; pure. */
import type { DownloadProgress } from "../src/index.ts";

export interface Progress {
  readonly label: string;
  /** Share of the work done, 0 to 1; undefined if the total is unknown. */
  readonly fraction?: number | undefined;
  readonly seconds: number;
  /** Counters such as {"rows": 12, "tokens": 4801}; each is shown with its rate. */
  readonly counts?: Readonly<Record<string, number>>;
  /** A line of a log: without the bar. */
  readonly isLine?: boolean;
}

const BAR_WIDTH = 20;
const MIN_RATE_SECONDS = 0.5;

/** One line of at most `columns` columns; a narrow terminal drops the less important parts. */
export function progressText(
  { label, fraction, seconds, counts = {}, isLine = false }: Progress,
  columns: number,
): string {
  const known = fraction !== undefined && Number.isFinite(fraction);
  const done = known ? Math.min(1, Math.max(0, fraction)) : 0;
  // Most important first; shown in the order of `at`.
  const parts: { at: number; text: string }[] = [{ at: 0, text: label }];
  if (known) parts.push({ at: 2, text: `${Math.floor(done * 100)}%`.padStart(4) });
  const left = known ? timeLeft(done, seconds) : undefined;
  if (left !== undefined) parts.push({ at: 7, text: `${clock(left)} left` });
  const names = Object.entries(counts);
  if (names[0]) parts.push({ at: 3, text: `${quantity(names[0][1])} ${names[0][0]}` });
  if (seconds >= MIN_RATE_SECONDS) {
    for (const [i, [name, count]] of names.entries())
      parts.push({ at: 4 + i / 10, text: `${quantity(count / seconds)} ${name}/s` });
  }
  parts.push({ at: 6, text: clock(seconds) });
  if (known && !isLine) parts.push({ at: 1, text: bar(done) });

  const shown: typeof parts = [];
  let width = 0;
  for (const part of parts) {
    const more = part.text.length + (shown.length > 0 ? 2 : 0);
    if (width + more > columns) continue;
    shown.push(part);
    width += more;
  }
  return shown
    .sort((a, b) => a.at - b.at)
    .map(({ text }) => text)
    .join("  ");
}

function bar(done: number): string {
  const full = Math.floor(done * BAR_WIDTH);
  return `[${"=".repeat(full)}${full < BAR_WIDTH ? ">" : ""}${" ".repeat(Math.max(0, BAR_WIDTH - full - 1))}]`;
}

function timeLeft(done: number, seconds: number): number | undefined {
  return done > 0 && seconds >= MIN_RATE_SECONDS ? (seconds * (1 - done)) / done : undefined;
}

/** 65 -> "1:05", 3665 -> "1:01:05". */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A number in few characters: 3.4, 412, 12.3k, 4.5M. */
export function quantity(n: number): string {
  if (n < 10 && !Number.isInteger(n)) return n.toFixed(1);
  if (n < 10_000) return String(Math.round(n));
  if (n < 10_000_000) return `${(n / 1000).toFixed(n < 100_000 ? 1 : 0)}k`;
  return `${(n / 1_000_000).toFixed(1)}M`;
}

/** The rate covers only new bytes; the percentage includes what was already there. */
export function downloadText(progress: DownloadProgress, seconds: number, columns: number): string {
  const { file, waiting, bytesDone, bytesTotal, bytesReceived } = progress;
  const label = waiting ? `${file}: another process is downloading it` : file;
  const fraction = bytesTotal > 0 ? bytesDone / bytesTotal : 1;
  return progressText({ label, fraction, seconds, counts: { MB: Math.floor(bytesReceived / 1e6) } }, columns);
}
