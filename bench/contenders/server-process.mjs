/** The server alone, in a process of its own: `node server-process.mjs MODEL THREADS`. Sends its address to the parent. */
import { createServer } from "../../dist/src/entry/server.js";

const [modelPath, threads] = process.argv.slice(2);
const server = createServer({ modelPath, gpu: "off", threads: Number(threads) }, { logLevel: "silent" });
await server.ready;
process.on("disconnect", () => void server.close());
process.send(await server.listen({ port: 0 }));
