/** Runs that are killed and go on: the output is that of a run that was not. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { RunRecord } from "../../src/files/run-record.ts";
import { ended, file, folder, jsonLines, parseLines, run, start, tiny } from "./run-cli.ts";

const ROWS = 400;
const rows = Array.from({ length: ROWS }, (_, i) => ({
  id: i,
  prompt: `Question ${i % 90}?`,
  response: `answer ${"word ".repeat(i % 7)}${i % 110}`,
  tags: [i, null],
}));
// Every fiftieth row fails, and has to be counted once.
const text = rows.map((row, i) => (i % 50 === 7 ? `{"id":${i}}\n` : `${JSON.stringify(row)}\n`)).join("");
const input = file("long.jsonl", text);
const failures = Math.ceil((ROWS - 7) / 50);

let places = 0;
const place = () => {
  const at = join(folder, `resume-${places++}`);
  mkdirSync(at);
  return at;
};

/** Kills a run each time it has written something more, then lets one come to its end. */
async function killed(
  args: readonly string[],
  output: string,
  kills: number,
): Promise<{ code: number | null; stderr: string }> {
  for (let i = 0; i < kills; i++) {
    const child = start([...args, "--output", output, "--resume"]);
    const end = ended(child);
    const size = () => watched(output).reduce((sum, path) => sum + (existsSync(path) ? statSync(path).size : 0), 0);
    const before = size();
    while (child.exitCode === null && size() <= before) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, (i * 37) % 160));
    child.kill("SIGKILL");
    await end;
  }
  return run([...args, "--output", output, "--resume"]);
}

const watched = (output: string) => [output, output.replace(/([^/\\]+)$/, ".$1.rows")];

const score = ["score", ...tiny, "--input", input];
const kinds: readonly (readonly [string, readonly string[], string])[] = [
  ["JSON lines", score, "out.jsonl"],
  ["JSON", [...score, "--per-token"], "out.json"],
  ["CSV", score, "out.csv"],
  ["compressed JSON lines", score, "out.jsonl.gz"],
  ["parquet", score, "out.parquet"],
  ["lines compressed with zstd", score, "out.jsonl.zst"],
  ["the best of each prompt", [...score, "--best"], "out.best.jsonl"],
  ["token ids", ["tokenize", "--model", "tiny", "--input", input], "out.ids.jsonl"],
];

function expectSummary(stderr: string, uninterrupted: string): void {
  expect(stderr).toMatch(new RegExp(`400 rows( \\(\\d+ of them earlier\\))?, .*, ${failures} of 400 rows failed\n$`));
  const tokens = / ([\d,]+ tokens), /;
  expect(stderr.match(tokens)?.[1]).toBe(uninterrupted.match(tokens)?.[1]);
}

describe.each(kinds)("%s", (_, args, name) => {
  it("are the same bytes after kills", async () => {
    const [whole, again] = [join(place(), name), join(place(), name)];
    const expected = await run([...args, "--output", whole]);
    expect(expected.code).toBe(1);
    // Nothing is left beside the file.
    expect(readdirSync(join(whole, ".."))).toEqual([name]);
    const { code, stderr } = await killed(args, again, 3);
    expect(readFileSync(again).equals(readFileSync(whole))).toBe(true);
    expect(code).toBe(1);
    // A quick one may be through before it is killed.
    if (!stderr.includes("is complete")) expectSummary(stderr, expected.stderr);
    const idle = await run([...args, "--output", again, "--resume"]);
    expect(idle).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/ is complete \(400 rows\): nothing to do\n$/),
    });
    expect(readFileSync(again).equals(readFileSync(whole))).toBe(true);
  });
});

describe("a stopped run", () => {
  const at = place();
  const output = join(at, "out.jsonl");
  const stop = async (path: string) => {
    for (;;) {
      const child = start([...score, "--output", path, "--force"]);
      const end = ended(child);
      const isBegun = () => watched(path).some((one) => existsSync(one) && statSync(one).size > 0);
      while (child.exitCode === null && !isBegun()) await new Promise((resolve) => setTimeout(resolve, 5));
      child.kill("SIGINT");
      const outcome = await end;
      // On a busy machine it may be through before this process has looked.
      if (!/: 400 rows/.test(outcome.stderr)) return outcome;
    }
  };

  beforeAll(async () => {
    const { code, stderr } = await stop(output);
    expect(code).toBe(130);
    expect(stderr).toMatch(/stopped after \d+ rows?; --resume continues from there\n/);
  });

  const resume = (...args: string[]) => run([...args, "--output", output, "--resume"]);

  it("is not gone on with by another one", async () => {
    const other = file("other.jsonl", text.replace("Question 0?", "Question Z?"));
    const longer = file("longer.jsonl", `${text}${jsonLines([{ text: "a" }])}`);
    const before = readFileSync(output);
    for (const [args, reason] of [
      [
        ["score", ...tiny, "--input", other],
        /cannot be resumed: its rows were written with another input; --force starts over\n$/,
      ],
      [["score", ...tiny, "--input", longer], /its rows were written with another input/],
      [[...score, "--min-score", "1"], /its rows were written without --min-score, not with --min-score 1; /],
      [[...score, "--fields", "id"], /its rows were written without --fields, not with --fields id; /],
      [["rank", ...tiny, "--input", input], /its rows were written with another command/],
    ] as const) {
      const { code, stderr } = await resume(...args);
      expect([code, stderr]).toEqual([2, expect.stringMatching(reason)]);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    }
    expect(readFileSync(output).equals(before)).toBe(true);
  });

  it("is named where a new one would replace it", async () => {
    const { code, stderr } = await run([...score, "--output", output]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/already exists; --force replaces it; --resume continues it\n$/),
    ]);
    const csv = join(at, "out.csv");
    await stop(csv);
    expect(existsSync(csv)).toBe(false);
    const again = await run([...score, "--output", csv]);
    expect([again.code, again.stderr]).toEqual([
      2,
      expect.stringMatching(/left \d+ rows? for \S+out\.csv; --resume continues it, --force starts over/),
    ]);
    expect((await run([...score, "--output", csv, "--force"])).code).toBe(1);
    expect(readdirSync(at).filter((name) => name.includes("csv"))).toEqual(["out.csv"]);
  });

  it("is refused where its rows were changed, or another program wrote them", async () => {
    const [made, cut] = [join(place(), "made.jsonl"), join(place(), "cut.jsonl")];
    writeFileSync(made, "{}\n");
    const foreign = await run([...score, "--output", made, "--resume"]);
    expect([foreign.code, foreign.stderr]).toEqual([
      2,
      expect.stringMatching(/the record of the run that wrote it is missing/),
    ]);
    await stop(cut);
    const bytes = readFileSync(cut);
    writeFileSync(cut, Buffer.concat([Buffer.from("#"), bytes.subarray(1)]));
    expect((await run([...score, "--output", cut, "--resume"])).stderr).toMatch(
      /its rows have changed; --force starts over/,
    );
    truncateSync(cut, 1);
    expect((await run([...score, "--output", cut, "--resume"])).stderr).toMatch(/some of its rows are missing/);
  });

  it("goes on from rows of standard input, too", async () => {
    const path = join(place(), "out.jsonl");
    const args = ["score", ...tiny, "--input", "-", "--output", path, "--resume"];
    const child = start(args);
    const end = ended(child);
    child.stdin.write(text.slice(0, text.length / 2));
    // Before its first checkpoint a killed run has nothing to go on with.
    const rowsDone = async () =>
      (await RunRecord.read(join(path, "..", ".out.jsonl.resume")))?.checkpoints[0]?.rows ?? 0;
    while (child.exitCode === null && (await rowsDone()) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGKILL");
    await end;
    const other = await run(args, text.replace("Question 0?", "Question Z?"));
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(/the input has changed; --force starts over/),
    ]);
    expect((await run(args, text)).code).toBe(1);
    expect(parseLines(readFileSync(path, "utf8"))).toHaveLength(ROWS);
  });

  it("needs a file", async () => {
    const { code, stderr } = await run([...score, "--resume"]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--resume needs --output FILE: only a file keeps/)]);
  });
});

it("a compressed output holds the rows of one that is not", async () => {
  const at = place();
  const short = file("short.jsonl", text.split("\n").slice(0, 20).join("\n"));
  for (const name of ["a.jsonl", "a.jsonl.gz", "a.tsv", "a.tsv.gz"])
    expect((await run(["score", ...tiny, "--input", short, "--output", join(at, name)])).code).toBe(1);
  const read = (name: string) => readFileSync(join(at, name));
  for (const name of ["a.jsonl", "a.tsv"]) expect(gunzipSync(read(`${name}.gz`)).equals(read(name))).toBe(true);
  expect(read("a.tsv").toString().split("\n")[0]).toBe(
    "index\tscore\ttokenCount\ttruncated\terrorCode\terrorMessage\tid\tprompt\tresponse\ttags",
  );
});
