/**
 * What docs/server.md shows runs: requests, programs, and the JavaScript clients. Its Python lines are checked with the genuine
 * clients by scripts/clients.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dialects } from "../../../src/server/dialects/index.ts";
import { folder, repository } from "../run-cli.ts";

const page = readFileSync(join(repository, "docs", "server.md"), "utf8");
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, code = ""]) => code);
const place = join(folder, "server-docs");
const ADDRESS = "http://127.0.0.1:8080";
let server: ChildProcess;
let address: string;

beforeAll(async () => {
  mkdirSync(join(place, "node_modules"), { recursive: true });
  const link = (target: string, name: string) => symlinkSync(target, join(place, "node_modules", name), "junction");
  link(repository, "starling-rm");
  for (const name of ["@ai-sdk", "ai-6", "openai"]) link(join(repository, "node_modules", name), name);
  address = `http://127.0.0.1:${await freePort()}`;
  const options = ["serve", "--model", "tiny", "--port", new URL(address).port, "--log-level", "silent"];
  const env = { ...process.env, STARLING_RM_CACHE: join(folder, "cache") };
  server = spawn(process.execPath, [join(repository, "dist", "cli", "main.js"), ...options], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  for await (const text of server.stderr as AsyncIterable<Buffer>) {
    said += text;
    if (/ready/.test(said)) break;
  }
  expect(said).toMatch(/ready/);
});

afterAll(async () => {
  server.kill("SIGTERM");
  expect(await once(server, "exit")).toEqual([0, null]);
});

async function freePort(): Promise<number> {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as { port: number };
  taken.close();
  await once(taken, "close");
  return port;
}

it("requests by curl", async ({ skip }) => {
  const lines = blocks("sh").flatMap((code) => code.split("\n").filter((line) => line.startsWith("curl ")));
  expect(lines.length).toBeGreaterThan(0);
  try {
    execFileSync("curl", ["--version"], { stdio: "ignore" });
  } catch {
    skip("curl is not installed.");
  }
  for (const line of lines) {
    const { stdout } = await promisify(execFile)("sh", ["-c", line.replaceAll(ADDRESS, address)]);
    expect(JSON.parse(stdout)).toMatchObject({ ranking: [{ rank: 1 }, { rank: 2 }] });
  }
});

it("items of every shape", async () => {
  for (const body of blocks("json")) {
    const answer = await fetch(`${address}/v1/score`, { method: "POST", body });
    const { results } = (await answer.json()) as { results: { score?: number; scores?: number[] }[] };
    expect(results).toHaveLength((JSON.parse(body) as { items: unknown[] }).items.length);
    for (const result of results) expect(result.score ?? result.scores).toBeDefined();
  }
});

it("programs and clients in JavaScript", async () => {
  const programs = blocks("ts");
  expect(programs).toHaveLength(3);
  const imports = [
    'import { createCohere } from "@ai-sdk/cohere";',
    'import { rerank } from "ai-6";',
    'import OpenAI from "openai";',
  ].join("\n");
  for (const [i, code] of programs.entries()) {
    const isWhole = code.startsWith("import");
    writeFileSync(join(place, `${i}.mjs`), `${isWhole ? "" : imports}\n${code.replaceAll(ADDRESS, address)}`);
    const env = { ...process.env, STARLING_RM_CACHE: join(folder, "cache") };
    const { stderr } = await promisify(execFile)(process.execPath, [join(place, `${i}.mjs`)], { cwd: place, env });
    expect(stderr).toBe("");
  }
});

it("paths that it names are served", () => {
  const served = new Set(["/v1/score", "/v1/rank", "/v1/models", "/livez", "/readyz", "/metrics", "/openapi.json"]);
  for (const { paths } of dialects) for (const path of paths) served.add(path);
  const named = [
    ...page.matchAll(
      /(?:`| |:8080)(\/(?:v\d|vllm|sglang|tei|infinity|cohere|jina|get_reward|slime|llamafactory|huggingface|classify|pooling|score|rerank|livez|readyz|metrics|openapi)[\w/.]*)/g,
    ),
  ];
  const prefixes = ["/vllm", "/sglang", "/tei", "/infinity", "/cohere", "/cohere/v2", "/jina/v1", "/v1"];
  const unknown = named.map(([, path = ""]) => path).filter((path) => !served.has(path) && !prefixes.includes(path));
  expect(unknown).toEqual([]);
});
