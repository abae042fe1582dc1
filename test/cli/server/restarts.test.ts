/** What clients see over HTTP when the scoring process is started again. */
import { copyFileSync, mkdtempSync, renameSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { replaceHead } from "../../../src/entry/fit.ts";
import { createServer, type RewardServer } from "../../../src/entry/server.ts";
import { embeddedModelPath, loadRewardModel } from "../../../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-restarts-"));
const served = join(folder, "served.gguf");
const FRUIT = { prompt: "Name a fruit.", response: "An apple." };
const TEXT = "<|im_start|>user\nName a fruit.<|im_end|>\n<|im_start|>assistant\nAn apple.<|im_end|>";

let server: RewardServer;
let url: string;
let score: number;
let other: string;

beforeAll(async () => {
  const modelPath = await embeddedModelPath({ cacheFolder: folder, type: "f16" });
  copyFileSync(modelPath, served);
  const yesterday = new Date(Date.now() - 86_400_000);
  utimesSync(served, yesterday, yesterday);
  other = join(folder, "other.gguf");
  const library = await loadRewardModel({ modelPath, gpu: "off", threads: 1 });
  score = (await library.score([FRUIT]))[0]?.score as number;
  await replaceHead({ modelPath, head: { weight: library.head.weight.map((value) => -value) }, output: other });
  await library.close();
  server = createServer({ modelPath: served, gpu: "off", threads: 1 });
  url = await server.listen({ port: 0 });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const post = (path: string, body: unknown, headers = {}) =>
  fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

const ready = async () => {
  while ((await fetch(`${url}/readyz`)).status !== 200) await sleep(20);
};

it("a file that is replaced: 503 with the reason on every interface, then the new model's scores", async () => {
  const ways: [name: string, path: string, body: unknown, read: (answer: never) => unknown][] = [
    ["one item", "/v1/score", FRUIT, ({ results }: { results: { score: number }[] }) => results[0]?.score],
    ["a list", "/v1/score", { items: [FRUIT] }, ({ results }: { results: { score: number }[] }) => results[0]?.score],
    [
      "a ranking",
      "/v1/rank",
      { prompt: FRUIT.prompt, responses: [FRUIT.response] },
      ({ ranking }: { ranking: { score: number }[] }) => ranking[0]?.score,
    ],
    ["a trainer's", "/get_reward", { query: [TEXT] }, ({ rewards }: { rewards: number[] }) => rewards[0]],
  ];
  let expected = score;
  const spare = join(folder, "spare.gguf");
  for (const [name, path, body, read] of ways) {
    await ready();
    expect(read((await (await post(path, body)).json()) as never), name).toBe(expected);
    copyFileSync(served, spare);
    renameSync(other, served);
    renameSync(spare, other);
    const refused = await post(path, body);
    expect(refused.status, name).toBe(503);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refused.text()).toMatch(/served\.gguf changed/);
    expected = -expected;
    // Requests that come while it loads wait.
    expect(read((await (await post(path, body)).json()) as never), name).toBe(expected);
  }
});

it("as lines: the rows that have no score say why", async () => {
  await ready();
  renameSync(other, served);
  const answer = await post("/v1/score", { items: [FRUIT, FRUIT] }, { accept: "application/x-ndjson" });
  const lines = (await answer.text()).trim().split("\n");
  expect(lines).toHaveLength(2);
  for (const line of lines)
    expect(JSON.parse(line).error).toMatchObject({
      code: "ERR_SCORING_UNAVAILABLE",
      message: expect.stringContaining("changed"),
    });
});
