// Starts a scoring process, prints its id when it is ready, and waits. Started by scoring-process.test.ts, which kills it.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { startScoring } = await import(
  pathToFileURL(join(import.meta.dirname, "..", "..", "..", "dist", "src", "server", "scoring", "start-scoring.js"))
    .href
);
const backend = startScoring({ modelPath: process.argv[2], gpu: "off", threads: 1 });
const busy = process.argv[3] === "busy";
backend.onStateChange(({ status }) => {
  if (status !== "ready") return;
  if (busy)
    for (let i = 0; i < 50; i++)
      backend
        .score({ prompt: `${i} ${"word ".repeat(1500)}`, response: "a" }, { name: "item" })
        .promise.catch(() => {});
  console.log(backend.pid);
});
