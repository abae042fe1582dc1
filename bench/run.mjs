/** `npm run bench`. The bench uses the built library, as users do. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const library = fileURLToPath(new URL("../dist/src/index.js", import.meta.url));
try {
  if (!existsSync(library)) throw new Error("The library is not built: run npm run build first.");
  await import("./main.mjs");
} catch (error) {
  // Errors of the bench and of the library (which have a code) need no stack trace.
  const isExpected = error instanceof RangeError || error instanceof TypeError || typeof error?.code === "string";
  console.error(isExpected ? error.message : error);
  process.exitCode = 2;
}
