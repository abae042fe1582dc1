// Opens a llama.cpp runtime and computes on its devices, in a child process, because a driver may crash or hang it. Run by
// src/native/probe.ts: `node probe.cjs {"addon": PATH, "libraries": {...}}`; with "kernels": {...} it checks the CPU kernels
// with a model's weights instead, with "prefill": true in it our own. Drivers may print to stdout, so our lines begin with a marker.
const { writeSync } = require("node:fs");

const MARKER = "starling-rm-probe ";
const STDOUT = 1;

const say = (line) => writeSync(STDOUT, `\n${MARKER}${JSON.stringify(line)}\n`);

async function probe({ addon: path, libraries, kernels }) {
  const addon = require(path);
  say({ stage: "opened", info: await addon.openRuntime(libraries) });
  const problem = kernels?.prefill === true ? addon.bindPrefill() : undefined;
  if (problem !== undefined) return say({ stage: "failed", message: problem });
  if (kernels !== undefined) return say({ stage: "kernels", findings: await addon.checkKernels(kernels) });
  say({ stage: "checked", checks: await addon.checkDevices() });
}

probe(JSON.parse(process.argv[2])).catch((error) => {
  say({ stage: "failed", message: error instanceof Error ? error.message : String(error) });
});
