/** HAProxy with examples/deploy/haproxy.cfg in front of servers of a test. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

const CONFIGURATION = join(import.meta.dirname, "..", "..", "..", "examples", "deploy", "haproxy.cfg");
const READY_MS = 60_000;
/** Of the tries to find a port: another process may take it between our asking and HAProxy's. */
const TRIES = 5;

const found = spawnSync("haproxy", ["-v"], { encoding: "utf8" });
/** Why there is none; undefined where it can be used. */
export const missingHaproxy =
  found.error === undefined ? undefined : "skipped: haproxy is not installed (apt-get install haproxy)";

/** @param name shown with the reason where the test is skipped */
export function withHaproxy(name: string): string {
  return missingHaproxy === undefined ? name : `${name} (${missingHaproxy})`;
}

export interface Balancer {
  readonly url: string;
  readonly process: ChildProcess;
  /** Waits until HAProxy finds as many replicas healthy. */
  healthy(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** @param replicas addresses by the replicas' names, as HAProxy writes them: 127.0.0.1:8081, unix@/run/a.sock */
export async function startBalancer(folder: string, replicas: Readonly<Record<string, string>>): Promise<Balancer> {
  const lines = Object.entries(replicas).map(([name, address]) => `    server ${name} ${address}\n`);
  const original = readFileSync(CONFIGURATION, "utf8");
  const listed = /( {4}server \w+ 127\.0\.0\.1:\d+\n)+/;
  if (!listed.test(original)) throw new Error(`${CONFIGURATION} lists no servers.`);
  const path = join(folder, "haproxy.cfg");
  writeFileSync(path, original.replace(listed, lines.join("")));
  return startAnywhere(path, lines.length);
}

/**
 * With replicas that it finds by their name.
 *
 * @param replicas name and port
 */
export async function startBalancerByName(
  folder: string,
  replicas: string,
  { port, addresses }: { readonly port: number; readonly addresses: readonly string[] },
): Promise<Balancer> {
  const original = readFileSync(CONFIGURATION, "utf8");
  const path = join(folder, "haproxy-by-name.cfg");
  writeFileSync(path, original.replace("parse-resolv-conf", `nameserver test 127.0.0.1:${port}`));
  return startAnywhere(path, addresses.length, { STARLING_RM_REPLICAS: replicas });
}

async function startAnywhere(
  path: string,
  replicas: number,
  environment: Record<string, string> = {},
): Promise<Balancer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(path, replicas, environment);
    } catch (error) {
      if (attempt === TRIES) throw error;
    }
  }
}

async function start(path: string, replicas: number, environment: Record<string, string>): Promise<Balancer> {
  const [port, statsPort] = [await freePort(), await freePort()];
  const child = spawn("haproxy", ["-db", "-f", path], {
    env: {
      ...process.env,
      ...environment,
      STARLING_RM_BIND: `127.0.0.1:${port}`,
      STARLING_RM_STATS: `127.0.0.1:${statsPort}`,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const exited = once(child, "exit");
  const stats = () => fetch(`http://127.0.0.1:${statsPort}/metrics`).then((answer) => answer.text());
  const healthy = async (count: number) => {
    for (const until = Date.now() + READY_MS; ; ) {
      const text = await stats().catch(() => "");
      const up = text.match(/^haproxy_server_status\{proxy="starling-rm",server="[^"]*",state="UP"\} 1$/gm);
      // In front of the first check every server counts as up.
      const checked = text.match(/^haproxy_server_check_status\{proxy="starling-rm",[^}]*state="L7OK"\} 1$/gm);
      if (up?.length === count && (checked?.length ?? 0) === count) return;
      if (child.exitCode !== null) throw new Error(`HAProxy ended:\n${said}`);
      if (Date.now() > until) throw new Error(`HAProxy does not find ${count} replicas healthy:\n${said}\n${text}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
  };
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  try {
    await healthy(replicas);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, process: child, healthy, stop };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  server.close();
  return port;
}

export async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
