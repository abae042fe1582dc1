import { MAX_WRAPPER_IDS } from "../vocabulary/tokenization.ts";
import { isJsonObject, type JsonObject, own } from "./json.ts";
import { hasAs, refuse } from "./refuse.ts";
import type { AddedToken, JsonFile } from "./tokenizer-config.ts";

const field = "post_processor";

/**
 * The ids that tokenizer.json's post_processor puts before and after a text.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT for a post-processor that does something else
 */
export function readWrapper(
  file: JsonFile,
  addedTokens: readonly AddedToken[],
): { readonly before: readonly number[]; readonly after: readonly number[] } {
  const processor = own(file.value, field);
  const outer =
    isJsonObject(processor) && own(processor, "type") === "Sequence" ? own(processor, "processors") : [processor];
  const before: number[] = [];
  const after: number[] = [];
  const ids = new Map(addedTokens.map(({ content, id }) => [content, id]));
  let templates = 0;
  for (const step of Array.isArray(outer) ? outer : [outer]) {
    // ByteLevel only trims offsets.
    if (step === undefined || step === null || (isJsonObject(step) && own(step, "type") === "ByteLevel")) continue;
    const single = isJsonObject(step) && own(step, "type") === "TemplateProcessing" ? own(step, "single") : undefined;
    if (!Array.isArray(single) || single.length > MAX_WRAPPER_IDS + 1 || templates++ > 0) throw unknown(file, step);
    let seen = false;
    for (const item of single) {
      if (isJsonObject(item) && isJsonObject(own(item, "Sequence"))) {
        if (seen) throw unknown(file, step);
        seen = true;
      } else (seen ? after : before).push(specialToken(file, step as JsonObject, item, ids));
    }
    if (!seen) throw unknown(file, step);
  }
  return { before, after };
}

function specialToken(file: JsonFile, step: JsonObject, item: unknown, addedIds: ReadonlyMap<string, number>): number {
  const special = isJsonObject(item) ? own(item, "SpecialToken") : undefined;
  const name = isJsonObject(special) ? own(special, "id") : undefined;
  const found = typeof name === "string" ? addedIds.get(name) : undefined;
  const definitions = own(step, "special_tokens");
  const definition = isJsonObject(definitions) && typeof name === "string" ? own(definitions, name) : undefined;
  const ids = isJsonObject(definition) ? own(definition, "ids") : undefined;
  if (found === undefined || !Array.isArray(ids) || ids.length !== 1 || ids[0] !== found) throw unknown(file, item);
  return found;
}

function unknown({ path }: JsonFile, step: unknown): Error {
  return refuse(path, `${hasAs(step, field)}; only a template of special tokens around a text is supported.`, {
    field,
  });
}
