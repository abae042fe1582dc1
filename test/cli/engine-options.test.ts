/** What the options about the engine change: rewards of single tokens, memory, sharing. */
import { describe, expect, it } from "vitest";
import { jsonLines, parseLines, run, tiny } from "./run-cli.ts";

const rows = jsonLines([
  { prompt: "Capital of France?", responses: ["Paris.", "No idea."], id: 1 },
  { prompt: "Capital of France?", response: "Paris." },
  { text: "plain" },
]);

describe("--per-token", () => {
  it("adds the rewards of the response's tokens, and changes nothing else", async () => {
    const plain = parseLines((await run(["score", ...tiny, "--input", "-"], rows)).stdout);
    const { code, stdout } = await run(["score", ...tiny, "--input", "-", "--per-token"], rows);
    expect(code).toBe(0);
    const withTokens = parseLines(stdout);
    for (const [i, row] of withTokens.entries()) {
      const { tokenRewards, ...others } = row;
      expect(others).toEqual(plain[i]);
      const lists = (Array.isArray(tokenRewards) ? tokenRewards : [tokenRewards]) as Record<string, unknown[]>[];
      const scores = (row["scores"] ?? [row["score"]]) as number[];
      for (const [k, list] of lists.entries()) {
        expect(list["rewards"]?.at(-1)).toBe(scores[k]);
        expect(list["ids"]).toHaveLength(list["rewards"]?.length as number);
        expect(list["pieces"]).toHaveLength(list["rewards"]?.length as number);
      }
    }
    const [first] = (withTokens[0]?.["tokenRewards"] ?? []) as { pieces: string[] }[];
    expect(first?.pieces.join("")).toBe("Paris.<|im_end|>");
  });

  it("takes JSON lines on a terminal, and refuses formats that have no place for it", async () => {
    const args = ["score", ...tiny, "-p", "Hi", "-r", "Hello!", "--per-token"];
    const onTerminal = await run(args, "", { STARLING_RM_FORCE_TTY: "stdout" });
    expect(parseLines(onTerminal.stdout)[0]).toHaveProperty("tokenRewards");
    for (const format of ["csv", "table"]) {
      const { code, stderr, stdout } = await run([...args, "--format", format]);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(`--per-token has no place in the format ${format}`);
    }
  });
});

describe("memory", () => {
  it("is predicted by inspect", async () => {
    const { stdout } = await run(["inspect", "tiny", "--memory", "--ctx", "256"]);
    expect(stdout).toMatch(/memory need +[\d.]+ MiB at most, for texts of up to 256 tokens/);
    expect(stdout).toMatch(/of which +weights .*, key-value cache .*, computing .*/);
    const json = JSON.parse((await run(["inspect", "tiny", "--memory", "--json", "--gpu", "off"])).stdout);
    const { weights, keyValue, compute, total } = json.memory;
    expect(total).toBe(weights + keyValue + compute);
    expect(weights).toBe(json.size);
    expect(JSON.parse((await run(["inspect", "tiny", "--json"])).stdout)).not.toHaveProperty("memory");
  });

  it("is not to be had of a checkpoint", async () => {
    const { code, stderr } = await run(["inspect", "models/starling-rm-tiny", "--memory"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--memory needs a GGUF file");
  });
});

it("scores the same with and without prefix sharing and memory check", async () => {
  const [expected, ...others] = await Promise.all(
    [[], ["--no-prefix-sharing"], ["--no-memory-check"], ["--threads", "1"], ["--batch", "16"]].map((options) =>
      run(["score", ...tiny, "--input", "-", ...options], rows),
    ),
  );
  for (const other of others) expect(other.stdout).toBe(expected?.stdout);
});
