// Replaces Electron's process.parentPort in a child of child_process.fork; loaded before the example's scorer. Like
// Electron's, it keeps messages until there is a listener.
import { EventEmitter } from "node:events";

const port = new EventEmitter();
port.postMessage = (message) => process.send(message);
port.on("newListener", (event) => {
  if (event === "message") process.on("message", (data) => port.emit("message", { data }));
});
process.parentPort = port;
