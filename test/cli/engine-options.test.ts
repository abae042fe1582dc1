/** What the options about the engine change: rewards of single tokens, memory, sharing. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folder, jsonLines, parseLines, run, tiny } from "./run-cli.ts";

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

  it("has a place in every command and format", async () => {
    const args = [...tiny, "-p", "Hi", "-r", "Paris.", "-r", "No.", "--per-token"];
    const table = await run(["score", ...args, "--format", "table"]);
    expect(table.stdout).toMatch(/ 0 +-?\d+\.\d{4} +\d+ +Paris\.\n +P -?\d+\.\d\d {2}ar -?\d+\.\d\d/);
    const ranked = await run(["rank", ...args, "--format", "table"]);
    expect(ranked.stdout).toMatch(/P -?\d+\.\d\d {2}ar /);
    const [row] = parseLines((await run(["rank", ...args])).stdout) as [{ ranking: object[] }];
    for (const response of row.ranking) expect(response).toHaveProperty("tokenRewards.rewards");
    const lines = (await run(["score", ...args, "--format", "csv"])).stdout.split("\n");
    expect(lines[0]).toBe("index,score,tokenCount,truncated,tokenRewards,errorCode,errorMessage,prompt,response");
    expect(lines[1]).toMatch(/^0,-?[\d.]+,\d+,false,"{""start"":\d+,""ids"":\[.*Hi,Paris\.$/);
  });
});

describe("memory", () => {
  it("is predicted by inspect", async () => {
    const { stdout } = await run(["inspect", "tiny", "--memory", "--ctx", "256"]);
    expect(stdout).toMatch(/memory need +[\d.]+ MiB at most, for texts of up to 256 tokens/);
    expect(stdout).toMatch(/of which +weights .*, key-value cache .*, compute buffers .*/);
    const json = JSON.parse((await run(["inspect", "tiny", "--memory", "--json", "--gpu", "off"])).stdout);
    const { weights, keyValue, compute, total } = json.memory;
    expect(total).toBe(weights + keyValue + compute);
    // Our own kernels may pack them less tightly.
    expect(weights).toBeGreaterThanOrEqual(json.size);
    const asInFile = await run(["inspect", "tiny", "--memory", "--json", "--gpu", "off", "--kernels", "off"]);
    expect(JSON.parse(asInFile.stdout).memory.weights).toBe(json.size);
    const { stdout: short } = await run(["inspect", "tiny"]);
    expect(short).toMatch(/memory need +[\d.]+ MiB at most/);
    expect(short).not.toContain("of which");
  });

  it("is predicted of a checkpoint as what its conversion takes", async () => {
    const at = (path: string, ...more: string[]) => run(["inspect", path, "--json", "--gpu", "off", ...more]);
    const { memory } = JSON.parse((await at("models/starling-rm-tiny", "--type", "f32")).stdout);
    expect(memory.weights).toBeGreaterThan(0);
    const gguf = join(folder, "predicted.gguf");
    expect((await run(["convert", "models/starling-rm-tiny", "-o", gguf, "--type", "f32"])).code).toBe(0);
    const { memory: converted } = JSON.parse((await at(gguf)).stdout);
    expect({ ...memory, available: 0 }).toEqual({ ...converted, available: 0 });
    expect((await run(["inspect", "models/starling-rm-tiny"])).stdout).toMatch(/memory need .* at most as q4_k_m/);
    const refused = await at(gguf, "--type", "q8_0");
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("a GGUF already has its type")]);
  });
});

it("scores the same with and without prefix sharing, memory check and mapping", async () => {
  const [expected, ...others] = await Promise.all(
    [[], ["--no-prefix-sharing"], ["--no-memory-check"], ["--no-mmap"], ["--threads", "1"], ["--batch", "16"]].map(
      (options) => run(["score", ...tiny, "--input", "-", ...options], rows),
    ),
  );
  for (const other of others) expect(other.stdout).toBe(expected?.stdout);
});
