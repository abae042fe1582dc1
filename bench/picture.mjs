/** Draws results as an SVG bar chart of rates, by workload and contender. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { OURS } from "./contenders.mjs";

const WIDTH = 860;
const LABELS = 210;
const NUMBERS = 150;
const BAR = 18;
const GAP = 6;
const MARGIN = 24;

const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** @param {string} path where to write it */
export function picture(path, { settings, machine, versions, workloads }) {
  const parts = [];
  let y = MARGIN + 18;
  const text = (x, at, content, attributes = "") =>
    parts.push(`<text x="${x}" y="${at}" ${attributes}>${escaped(content)}</text>`);
  text(MARGIN, y, "Scoring rate in tokens per second (longer is better)", 'class="title"');
  y += 20;
  const where = `${machine.cpu}, ${settings.threads} threads, llama.cpp ${versions["llama.cpp"]}`;
  text(MARGIN, y, `${where}; bars: medians, lines: ranges`, 'class="note"');
  y += 14;
  for (const workload of workloads) {
    y += 26;
    text(MARGIN, y, `${workload.name}: ${workload.description}`, 'class="workload"');
    y += 16;
    const [{ measurements }] = workload.contenders;
    text(MARGIN, y, `${workload.model} model, ${measurements.length} repetitions`, 'class="note"');
    y += 8;
    const most = Math.max(...workload.contenders.map(({ tokensPerSecond }) => tokensPerSecond.max));
    const scale = (WIDTH - LABELS - NUMBERS - 2 * MARGIN) / most;
    const ours = workload.contenders.find(({ name }) => name === OURS).tokensPerSecond.median;
    for (const { name, tokensPerSecond } of workload.contenders) {
      const { median, min, max } = tokensPerSecond;
      const left = MARGIN + LABELS;
      const middle = y + BAR / 2;
      text(left - 8, middle + 4, name, 'text-anchor="end"');
      const width = Math.max(1, median * scale).toFixed(1);
      parts.push(
        `<rect x="${left}" y="${y}" width="${width}" height="${BAR}" class="${name === OURS ? "ours" : "other"}"/>`,
      );
      const [from, to] = [min, max].map((value) => (left + value * scale).toFixed(1));
      parts.push(`<line x1="${from}" x2="${to}" y1="${middle}" y2="${middle}" class="range"/>`);
      const times = name === OURS ? "" : ` (1/${(ours / median).toFixed(2)})`;
      text(WIDTH - MARGIN, middle + 4, `${rate(median)}${times}`, 'text-anchor="end"');
      y += BAR + GAP;
    }
  }
  const height = y + MARGIN;
  const style = `
    text { font: 13px system-ui, sans-serif; fill: #222; } .title { font-size: 18px; font-weight: 600; }
    .workload { font-size: 14px; font-weight: 600; } .note { font-size: 12px; fill: #666; }
    .ours { fill: #2a6fbb; } .other { fill: #b9c4cf; } .range { stroke: #222; stroke-width: 1.5; }`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
<title>Scoring rate in tokens per second, by workload and contender</title>
<style>${style}
</style>
<rect width="100%" height="100%" fill="#fff"/>
${parts.join("\n")}
</svg>
`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, svg);
}

function rate(tokensPerSecond) {
  return tokensPerSecond >= 100 ? tokensPerSecond.toFixed(0) : tokensPerSecond.toFixed(1);
}
