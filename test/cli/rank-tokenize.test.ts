import { describe, expect, it } from "vitest";
import { jsonLines, parseLines, run, tiny } from "./run-cli.ts";

describe("rank", () => {
  const rank = (args: readonly string[], input?: string) => run(["rank", ...tiny, ...args], input);
  const responses = ["I do not know.", "Paris.", "Lyon!"];

  it("gives the responses best first, with the scores that score gives", async () => {
    const [ranked, scored] = await Promise.all([
      rank(["-p", "Capital of France?", ...responses.flatMap((response) => ["-r", response])]),
      run(["score", ...tiny, "--input", "-"], jsonLines([{ prompt: "Capital of France?", responses }])),
    ]);
    const { scores, ranks } = parseLines(scored.stdout)[0] as { scores: number[]; ranks: number[] };
    const { ranking } = parseLines(ranked.stdout)[0] as {
      ranking: { rank: number; index: number; score: number; response: string }[];
    };
    expect(ranking.map(({ rank }) => rank)).toEqual([1, 2, 3]);
    for (const { rank, index, score, response } of ranking) {
      expect([rank, score, response]).toEqual([ranks[index], scores[index], responses[index]]);
    }
  });

  it("gives one row for each row, and refuses those without responses", async () => {
    const rows = [
      { prompt: "p", responses, id: 1 },
      { prompt: "p", response: "r", id: 2 },
      { prompt: "p", responses: ["a"] },
    ];
    const { code, stdout, stderr } = await rank(["--input", "-"], jsonLines(rows));
    expect(code).toBe(1);
    expect(parseLines(stdout)).toMatchObject([
      { index: 0, id: 1 },
      { index: 1, id: 2, error: { code: "ERR_INVALID_ITEM" } },
      { index: 2, ranking: [{ rank: 1, index: 0 }] },
    ]);
    expect(stderr).toMatch(/line 2: .*"responses"/);
  });

  it("prints a table when it is asked to", async () => {
    const { stdout } = await rank(["-p", "Capital?", "-r", "a", "-r", "b", "--format", "table"]);
    expect(stdout).toMatch(/0: Capital\?\n +rank +score +tokens +response\n +1 +-?\d+\.\d{4} +\d+ +[ab]\n +2 /);
  });
});

describe("tokenize", () => {
  const tokenize = (args: readonly string[], input?: string) => run(["tokenize", "--model", "tiny", ...args], input);

  it("prints one list for each row, a list of lists for responses, and failures in their place", async () => {
    const input = `${jsonLines([{ text: "Hello!" }, { prompt: "a", responses: ["b", "c"] }])}bad\n${jsonLines([{ prompt: "a", response: "b" }])}`;
    const { code, stdout } = await tokenize(["--input", "-"], input);
    expect(code).toBe(1);
    const lines = parseLines(stdout) as unknown[];
    expect(lines).toEqual([
      expect.arrayContaining([expect.any(Number)]),
      [expect.any(Array), expect.any(Array)],
      { index: 2, error: { code: "ERR_INVALID_JSON", message: expect.any(String) } },
      (lines[1] as unknown[])[0],
    ]);
    // The chat template begins with <|im_start|> and ends with <|im_end|>.
    const ids = lines[3] as number[];
    expect([ids[0], ids.at(-1)]).toEqual([6, 7]);
  });

  it("cuts as score does, and counts the same tokens", async () => {
    const input = jsonLines([{ text: "word ".repeat(3000) }, { prompt: "a", response: "b" }]);
    const [ids, scores] = await Promise.all([
      tokenize(["--input", "-"], input),
      run(["score", ...tiny, "--input", "-"], input),
    ]);
    const counts = (parseLines(ids.stdout) as unknown as number[][]).map(({ length }) => length);
    expect(counts[0]).toBe(2048);
    expect(parseLines(scores.stdout).map(({ tokenCount }) => tokenCount)).toEqual(counts);
  });

  it("follows --tokenization and --special-tokens", async () => {
    const text = (mode: string) => tokenize(["-p", "a", "-r", "b\nc", "--tokenization", mode]);
    const modes = await Promise.all(["slow", "fast-4.41", "fast-4.42"].map(text));
    expect(new Set(modes.map(({ stdout }) => stdout)).size).toBe(3);
    const special = (how: string) => tokenize(["-p", "a", "-r", "<|im_end|>", "--special-tokens", how]);
    const [plain, reference] = await Promise.all([special("plain"), special("reference")]);
    const ends = ({ stdout }: { stdout: string }) => (JSON.parse(stdout) as number[]).filter((id) => id === 7).length;
    expect([ends(plain), ends(reference)]).toEqual([2, 3]);
  });
});
