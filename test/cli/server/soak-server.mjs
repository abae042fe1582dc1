// A server for soak.test.ts, which forks it: tells its address, measures itself, and drains when asked.

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const { createServer } = await import(
  pathToFileURL(join(import.meta.dirname, "..", "..", "..", "dist", "src", "server", "create-server.js")).href
);
const [modelPath, apiKey, maxBody] = process.argv.slice(2);
const server = createServer(
  { modelPath, gpu: "off", threads: 1 },
  { apiKeys: [apiKey], maxBody: Number(maxBody), logLevel: "silent" },
);
await server.ready;
const url = await server.listen({ port: 0 });

const answers = {
  async measure() {
    for (let i = 0; i < 4; i++) {
      globalThis.gc?.();
      await sleep(50);
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, heapUsed, external, resources: process.getActiveResourcesInfo() };
  },
  async drain() {
    await server.drain();
    // What still runs now keeps this process alive.
    setImmediate(() => process.disconnect());
  },
};
process.on("message", async (ask) => {
  const answer = await answers[ask]();
  if (process.connected) process.send(answer ?? {});
});
process.send({ url });
