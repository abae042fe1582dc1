// Opens a llama.cpp runtime and computes on its devices, in a process that nobody misses when a driver ends or hangs it.
// Run by src/native/probe.ts: `node probe.cjs {"addon": PATH, "libraries": {...}}`, with "kernels": {...} to try the CPU with a
// model's weights instead of the devices. What drivers print goes anywhere, so every line of ours begins with the marker.
const { writeSync } = require("node:fs");

const MARKER = "starling-rm-probe ";
const STDOUT = 1;

const say = (line) => writeSync(STDOUT, `\n${MARKER}${JSON.stringify(line)}\n`);

async function probe({ addon: path, libraries, kernels }) {
  const addon = require(path);
  say({ stage: "opened", info: await addon.openRuntime(libraries) });
  if (kernels !== undefined) return say({ stage: "kernels", findings: await addon.checkKernels(kernels) });
  say({ stage: "checked", checks: await addon.checkDevices() });
}

probe(JSON.parse(process.argv[2])).catch((error) => {
  say({ stage: "failed", message: error instanceof Error ? error.message : String(error) });
});
