/** Writes a comparison of evaluations to a folder. */
import { join } from "node:path";
import { makeOutputFolder } from "../files/make-folder.ts";
import { writeWhole } from "../files/output-file.ts";
import { renderComparison } from "./report/comparison-page.ts";
import type { RunsComparison } from "./runs-comparison.ts";

/** @returns the paths of comparison.html and comparison.json @throws FileError ERR_FILE_NOT_WRITABLE */
export async function writeComparison(folder: string, comparison: RunsComparison): Promise<readonly [string, string]> {
  const paths = [join(folder, "comparison.html"), join(folder, "comparison.json")] as const;
  makeOutputFolder(folder, paths[0]);
  await writeWhole(paths[0], renderComparison(comparison));
  await writeWhole(paths[1], `${JSON.stringify(comparison, undefined, 2)}\n`);
  return paths;
}
