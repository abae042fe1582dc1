/** A real terminal: no line is mixed with the bar, whatever is written where. Needs tmux (Debian: apt-get install tmux). */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { file, folder, jsonLines, parseLines, repository, run, tiny } from "./run-cli.ts";

const hasTmux = spawnSync("tmux", ["-V"]).status === 0;
if (!hasTmux) console.warn("test/cli/terminal.test.ts is skipped: tmux is not installed (apt-get install tmux)");

const ROWS = 300;
const rowsOf = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    i % 60 === 30 ? "broken\n" : jsonLines([{ prompt: `Question ${i}?`, response: `answer ${i}` }]),
  ).join("");
const input = file("rows.jsonl", rowsOf(ROWS));
const long = file("long.jsonl", rowsOf(5 * ROWS));
const main = join(repository, "dist", "cli", "main.js");
const score = `"${process.execPath}" "${main}" score ${tiny.join(" ")} --input "${input}"`;
const socket = `starling-rm-${process.pid}`;

function tmux(...args: string[]): string {
  return execFileSync("tmux", ["-L", socket, "-f", "/dev/null", ...args], { encoding: "utf8" });
}

beforeAll(() => {
  // A server without sessions ends.
  if (hasTmux) tmux("new-session", "-d", "-s", "keeper", "sleep 600");
});
afterAll(() => {
  if (hasTmux) spawnSync("tmux", ["-L", socket, "kill-server"]);
});

let sessions = 0;

/** The lines that a terminal of this width shows in the end, and what it showed on the way. */
async function shown(
  command: string,
  columns: number,
  meanwhile: (session: string, look: number) => void = () => {},
): Promise<{ end: string[]; looks: string[][] }> {
  const session = `s${sessions++}`;
  const environment = [`STARLING_RM_CACHE="${join(folder, "cache")}"`, "STARLING_RM_PROGRESS_SECONDS=1"].join(" ");
  const script = file(`${session}.sh`, `export ${environment}\n${command}\necho DONE\nsleep 600\n`);
  tmux("new-session", "-d", "-s", session, "-x", String(columns), "-y", "40", `sh "${script}"`);
  const looks: string[][] = [];
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const lines = tmux("capture-pane", "-p", "-J", "-S", "-", "-t", session).split("\n");
    const trimmed = lines.map((line) => line.trimEnd()).filter((line) => line !== "");
    if (trimmed.includes("DONE")) {
      tmux("kill-session", "-t", session);
      const end = trimmed.filter((line) => line !== "DONE");
      return { end, looks: looks.map((look) => withoutCutLine(look, end)) };
    }
    looks.push(trimmed);
    meanwhile(session, looks.length);
  }
}

/** A look in the middle of a write: its last line is the beginning of one that is whole in the end. */
function withoutCutLine(look: string[], end: readonly string[]): string[] {
  const last = look.at(-1);
  const isCut = last !== undefined && end.some((line) => line !== last && line.startsWith(last));
  return isCut ? look.slice(0, -1) : look;
}

const BAR = /^(?:scoring|loading model|preparing the demonstration model)(?: |$)/;

/** Every line is a row or a message; at most one, the last, is the bar. */
function expectUnmixed(lines: readonly string[], isRow: (line: string) => boolean, bars: number): void {
  const other = lines.filter((line) => !isRow(line) && !/^starling-rm: /.test(line));
  for (const line of other) expect(line).toMatch(BAR);
  expect(other.length).toBeLessThanOrEqual(bars);
  if (other.length > 0) expect(lines.at(-1)).toBe(other[0]);
  for (const line of lines) if (line.startsWith("starling-rm: ")) expect(line).not.toMatch(/\[[=>]/);
}

const isJson = (line: string) => {
  try {
    return typeof JSON.parse(line) === "object";
  } catch {
    return false;
  }
};
const isTable = (line: string) =>
  /^ +(?:#|\d+) +(?:score|-?\d+\.\d{4}|failed) /.test(line) || line.includes("demonstration, not");

describe.runIf(hasTmux).each([60, 120])("a terminal of %i columns (skipped without tmux)", (columns) => {
  it.each([
    ["a table", score, isTable],
    ["JSON lines", `${score} --format jsonl`, isJson],
  ])("has whole rows and no bar between them: %s", async (_, command, isRow) => {
    const { end, looks } = await shown(command, columns);
    for (const look of looks) expectUnmixed(look, isRow, 1);
    expectUnmixed(end, isRow, 0);
    expect(end.join("\n")).toContain(`5 of ${ROWS} rows failed`);
    expect(looks.flat().some((line) => line.includes("scoring "))).toBe(false);
  });

  it("has a bar while a file is written, and none afterwards, also when its width changes", async () => {
    const output = join(folder, `out-${columns}.jsonl`);
    const command = `${score.replace(input, long)} --output "${output}"`;
    const { end, looks } = await shown(command, columns, (session, look) => {
      if (look === 8 || look === 16)
        tmux("resize-window", "-t", session, "-x", String(look === 16 ? columns : 180 - columns));
    });
    expectUnmixed(end, () => false, 0);
    expect(looks.flat().some((line) => /^scoring +.*\d+%/.test(line))).toBe(true);
    expect(parseLines(readFileSync(output, "utf8"))).toHaveLength(5 * ROWS);
  });

  it("has a bar while rows go to a file of the shell, which holds rows alone", async () => {
    const output = join(folder, `redirected-${columns}.jsonl`);
    const { end, looks } = await shown(`${score} > "${output}"`, columns);
    for (const look of looks) expectUnmixed(look, () => false, 1);
    expectUnmixed(end, () => false, 0);
    expect(parseLines(readFileSync(output, "utf8"))).toHaveLength(ROWS);
  });

  it.each(["cat", "head -n 5", "tee /dev/null"])("has no bar where %s prints the rows", async (reader) => {
    const { end, looks } = await shown(`${score} | ${reader}`, columns);
    for (const look of looks) expectUnmixed(look, isJson, 0);
    expectUnmixed(end, isJson, 0);
    expect(end.filter(isJson)).toHaveLength(reader.startsWith("head") ? 5 : ROWS);
  });
});

it("without a terminal nothing is drawn", async () => {
  const { stderr } = await run(["score", ...tiny, "--input", input]);
  expect(stderr.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
});
