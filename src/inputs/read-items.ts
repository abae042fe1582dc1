/** readItems(): rows of any file as items to score. */
import { invalidArgument } from "../errors.ts";
import { hubChecks } from "../hub/settings.ts";
import { aBoolean, aFunction, aNameList, aSignal, checkOptions, oneOf, readable } from "../options.ts";
import { aFieldMapping, type FieldMapping } from "../prompt/field-map.ts";
import { inputFormats } from "../rows/format.ts";
import { areInputs } from "./find-files.ts";
import { type ItemRow, ItemSource, type ReadItemsOptions } from "./item-source.ts";

/**
 * Reads rows of JSON lines, JSON, CSV (also with tabs or semicolons) or parquet, each also compressed with gzip, zstd or xz, as
 * items for RewardModel.score(): the reader of the command line. Memory does not grow with the number of rows.
 *
 * Rows are {"text"}, {"prompt","response"}, {"prompt","responses"}, {"messages"} or {"messages","responses"}, with an optional
 * "system". Common other names (question, answer, conversations, …) are recognised where a row has none of these.
 *
 * @param input a file, a folder, a pattern ("data/*.jsonl"), "hf:OWNER/NAME[@REVISION][/FILE]" of a data set, or "-" for standard
 *   input; or several of them
 * @param mapping names of the fields in the rows: { prompt: "question", response: "answer" }
 * @returns the rows in order. A row that cannot be scored has an `error` and does not stop the others. Each loop starts again.
 * @throws InvalidInputError for a wrong argument; the loop throws a FileError or HubError for an input that cannot be read
 */
export function readItems(
  input: string | readonly string[],
  mapping: FieldMapping = {},
  options: ReadItemsOptions = {},
): AsyncIterable<ItemRow> {
  const inputs = readable("input", () => {
    const list = typeof input === "string" ? [input] : input;
    if (!areInputs(list)) throw invalidArgument("input", "the name of a file, or a list of names,", input);
    return [...list];
  });
  const names = readable("mapping", () => {
    const expected = aFieldMapping(mapping);
    if (expected !== undefined) throw invalidArgument("mapping", expected, mapping);
    return { ...mapping };
  });
  const checked = checkOptions("readItems", options, {
    ...hubChecks,
    format: oneOf(inputFormats),
    ignoreFields: aNameList,
    strict: aBoolean,
    onNotice: aFunction,
    onProgress: aFunction,
    signal: aSignal,
  });
  return {
    async *[Symbol.asyncIterator]() {
      const source = await ItemSource.open(inputs, names, checked);
      try {
        yield* source.rows();
      } finally {
        await source.close();
      }
    },
  };
}
