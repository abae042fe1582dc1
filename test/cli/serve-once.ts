/** Runs `starling-rm serve` until its model is loaded, then asks it to end. */
import { type Ended, type Environment, ended, start } from "./run-cli.ts";

/** @param args with "serve" first; the port is replaced by one that is free */
export async function servedOnce(args: readonly string[], environment: Environment = {}): Promise<Ended> {
  const isAtSocket = args.includes("--socket");
  const server = start([...args, ...(isAtSocket ? [] : ["--port", "0"])], environment);
  let printed = "";
  server.stderr.on("data", (chunk: Buffer) => {
    const before = printed.includes("ready:");
    printed += chunk.toString();
    // A second one would not let it finish.
    if (!before && printed.includes("ready:")) server.kill("SIGTERM");
  });
  return ended(server);
}
