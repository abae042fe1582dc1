/**
 * The server as trainers use it: each item is a request of its own, over some connections that are kept open. Task: {modelPath,
 * threads, connections, turns: {items, tokens}[]}.
 */
import { fork } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Pool } from "undici";
import { serve, task } from "./serve.mjs";

const { modelPath, threads, connections, turns } = task();
const server = fork(fileURLToPath(new URL("server-process.mjs", import.meta.url)), [modelPath, `${threads}`]);
const url = await new Promise((resolve, reject) => {
  server.once("message", resolve);
  server.once("exit", () => reject(new Error("The server ended.")));
});
const pool = new Pool(url, { connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });

async function score(item) {
  const { statusCode, body } = await pool.request({
    path: "/v1/score",
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(item),
  });
  const answer = await body.json();
  if (statusCode !== 200) throw new Error(JSON.stringify(answer));
  const [result] = answer.results;
  if (!Number.isFinite(result.score)) throw new Error(`No score: ${JSON.stringify(answer)}`);
  return result.tokenCount;
}

await serve(
  async (turn, warm) => {
    const { items } = turns[turn];
    const waiting = (warm ? items.slice(0, 2) : items).values();
    let tokens = 0;
    const milliseconds = [];
    const client = async () => {
      for (const item of waiting) {
        const started = performance.now();
        const counted = await score(item);
        tokens += counted;
        milliseconds.push(performance.now() - started);
      }
    };
    await Promise.all(Array.from({ length: connections }, client));
    return { tokens, milliseconds };
  },
  { cpuSeconds: familyCpuSeconds },
);
await pool.close();
server.disconnect();

/** This process, the server and its scoring process: on Linux. */
function familyCpuSeconds() {
  if (process.platform !== "linux") return Number.NaN;
  const stats = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // After the name in parentheses: state, parent, …; user and system time are the 12th and 13th.
        const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
        return [{ pid: Number(pid), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }];
      } catch {
        return [];
      }
    });
  const family = new Set([process.pid]);
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const { pid, parent } of stats) if (family.has(parent)) family.add(pid);
  }
  // A tick is a hundredth of a second on every Linux.
  return stats.filter(({ pid }) => family.has(pid)).reduce((sum, { ticks }) => sum + ticks / 100, 0);
}
