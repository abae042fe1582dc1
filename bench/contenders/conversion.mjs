/** One step of ../conversion.mjs in its own process; prints one JSON line. */
import { readFileSync } from "node:fs";
import { convert, quantize } from "../../dist/src/entry/convert.js";

const { name, realLayers = [], ...task } = JSON.parse(process.argv[2]);
const cpu = process.cpuUsage();
const started = performance.now();
let [realSeconds, realBytes, before, bytesBefore] = [0, 0, started, 0];

/** Adds up time and bytes of the tensors with real numbers. The time between two reports belongs to the later one. */
function onProgress({ bytesDone, tensor }) {
  const now = performance.now();
  const layer = Number(/layers\.(\d+)\./.exec(tensor)?.[1] ?? -1);
  if (realLayers.includes(layer)) {
    realSeconds += (now - before) / 1000;
    realBytes += bytesDone - bytesBefore;
  }
  [before, bytesBefore] = [now, bytesDone];
}

if (name === "convert") await convert({ ...task, overwrite: true, onProgress });
else await quantize({ ...task, overwrite: true });
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(cpu);
const peakBytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, peakBytes, realSeconds, realBytes }));
