/** Runs `starling-rm serve` until its model is loaded, then asks it to end. */
import type { ChildProcess } from "node:child_process";
import { type Ended, ended, start } from "./run-cli.ts";

/** @param args with "serve" first; the port is replaced by one that is free */
export async function servedOnce(args: readonly string[]): Promise<Ended> {
  const isAtSocket = args.includes("--socket");
  const server = start([...args, ...(isAtSocket ? [] : ["--port", "0"])]);
  endWhenReady(server);
  return ended(server);
}

export function endWhenReady(server: ChildProcess): void {
  let printed = "";
  server.stderr?.on("data", (chunk: Buffer | string) => {
    const before = printed.includes("ready:");
    printed += chunk.toString();
    // A second one would not let it finish.
    if (!before && printed.includes("ready:")) server.kill("SIGTERM");
  });
}
