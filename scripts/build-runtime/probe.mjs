// Opens the runtime of a folder as the library would, in a child process, which a broken runtime may crash.
import { loadAddon } from "../../dist/src/native/load-addon.js";
import { librariesIn } from "../../dist/src/native/runtime-folder.js";

try {
  const { version, devices, backendProblem } = await loadAddon().openRuntime(librariesIn(process.argv[2] ?? ""));
  console.log(JSON.stringify({ version, devices, backendProblem }));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
