/** Any JSON to any path of the wire formats, over HTTP with the tiny model: an answer, or a refusal of the client's fault. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createServer, type RewardServer } from "../../src/entry/server.ts";
import { loadRewardModel, type RewardModel } from "../../src/index.ts";
import { dialects } from "../../src/server/dialects/index.ts";
import { randomFrom } from "../unit/server/random-json.ts";

const BODIES_PER_PATH = 20;

let model: RewardModel;
let server: RewardServer;
let url: string;

beforeAll(async () => {
  model = await loadRewardModel({ modelPath: "tiny", gpu: "off", threads: 1 });
  server = createServer(model);
  url = await server.listen({ port: 0 });
});

afterAll(async () => {
  await server?.close();
  await model?.close();
});

it("never gets 500", async () => {
  const paths = [...new Set([...dialects.flatMap((dialect) => dialect.paths), "/v1/score", "/v1/rank"])];
  const statuses = new Map<number, number>();
  for (const path of paths) {
    const random = randomFrom(`http ${path}`);
    await Promise.all(
      Array.from({ length: BODIES_PER_PATH }, async () => {
        const body = JSON.stringify(random.body());
        const response = await fetch(url + path, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body,
        });
        const text = await response.text();
        const { status } = response;
        expect([200, 400, 422], `${path} ${body} ${text}`).toContain(status);
        JSON.parse(text);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }),
    );
  }
  expect(statuses.get(200)).toBeGreaterThan(20);
  expect(statuses.get(400)).toBeGreaterThan(100);
  expect(statuses.get(422)).toBeGreaterThan(20);
});
