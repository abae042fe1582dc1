/** `npm run bench`: the bench uses the built library, as a user does. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const library = fileURLToPath(new URL("../dist/src/index.js", import.meta.url));
try {
  if (!existsSync(library)) throw new Error("The library is not built: run npm run build first.");
  await import("./main.mjs");
} catch (error) {
  // The bench's own refusals, and the library's, which have a code, are sentences.
  const inWords = error instanceof RangeError || error instanceof TypeError || typeof error?.code === "string";
  console.error(inWords ? error.message : error);
  process.exitCode = 2;
}
