// The scoring process with faults on demand: a response with a word of FAULTS does what the word says. Started by
// scoring-process.test.ts in place of the genuine script, which it loads.

import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(
  `${join(import.meta.dirname, "..", "..", "..", "dist", "src", "server", "scoring")}/`,
).href;
await import(`${folder}scoring-child.js`);
const { unpackItem } = await import(`${folder}messages.js`);

const FAULTS = {
  CRASH: () => process.kill(process.pid, "SIGSEGV"),
  // What llama.cpp does where an assertion fails.
  ASSERT: () => {
    process.stderr.write("GGML_ASSERT(n_tokens > 0) failed\n");
    process.abort();
  },
  // A JavaScript thread that does not answer any more.
  SPIN: () => {
    for (;;);
  },
};

// A process that is about to die answers nothing more, however soon its scores are there.
const send = process.send.bind(process);
let isDying = false;
process.send = (...message) => isDying || send(...message);

process.on("message", (message) => {
  // Its neighbours are being scored by then.
  for (const { item } of message.items ?? [])
    for (const [word, fault] of Object.entries(FAULTS))
      if (unpackItem(item).response?.includes(word)) {
        isDying = true;
        setTimeout(fault, 3);
      }
});
