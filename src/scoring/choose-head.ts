/** Which reward head a model is scored with: its own, or that of a head file. */
import { FileError, InvalidInputError } from "../errors.ts";
import type { FitRecord } from "../gguf/fit-record.ts";
import { type HeadFile, readHeadFile } from "../gguf/head-file.ts";
import { STARLING_KEYS } from "../gguf/starling-keys.ts";
import { isForeign, shortTrunk } from "../gguf/trunk.ts";
import { templateDateUse } from "../prompt/template-date.ts";
import { inputLength } from "../reward-head.ts";
import type { ModelFile } from "./model-file.ts";
import type { TokenizationMode } from "./types.ts";

/**
 * Reads a head file for a model.
 *
 * @param tokenization the one that the model is loaded with
 * @param foreignHead true: also accept a head fitted to another model's trunk
 * @throws FileError ERR_WRONG_HEAD for a head that was fitted to something else
 */
export async function readHeadFor(
  path: string,
  modelPath: string,
  { shape, profile, trunkSha256 }: ModelFile,
  tokenization: TokenizationMode,
  foreignHead = false,
): Promise<HeadFile> {
  const file = await readHeadFile(path);
  const refuse = (sentence: string, field: string) =>
    new FileError("ERR_WRONG_HEAD", `The head file ${path} does not fit ${modelPath}: ${sentence}`, {
      file: path,
      field,
    });
  if (inputLength(file.head) !== shape.embeddingLength)
    throw refuse(
      `it has ${inputLength(file.head)} weights, and the model has ${shape.embeddingLength} hidden dimensions.`,
      "starling.head.weight",
    );
  if (file.profile !== profile)
    throw refuse(`it was fitted to a ${file.profile}, and the model is a ${profile}.`, "starling.profile");
  if (!foreignHead && isForeign(file.trunkSha256, trunkSha256))
    throw refuse(
      `it was fitted to the trunk ${shortTrunk(file.trunkSha256)}${file.fit === undefined ? "" : ` (${file.fit.model})`}, ` +
        `and the model's trunk is ${shortTrunk(trunkSha256)}, whose hidden states differ. ` +
        "Fit a head to this model, or accept it with --foreign-head (foreignHead).",
      STARLING_KEYS.trunkSha256,
    );
  if (file.tokenization !== tokenization)
    throw refuse(
      `it was fitted with the tokenization ${file.tokenization}, and the model is loaded with ${tokenization}: ` +
        `choose the tokenization ${file.tokenization}, or fit a head for ${tokenization}.`,
      "starling.tokenization",
    );
  return file;
}

/**
 * A head that was fitted to conversations with a date in them is used with this date.
 *
 * @param templateDate that the chat template writes; undefined: none, or the template's fixed one
 * @throws InvalidInputError for another date than the one of the fit
 */
export function checkFitDate(
  { fit, chatTemplate }: { readonly fit?: FitRecord | undefined; readonly chatTemplate?: ModelFile["chatTemplate"] },
  templateDate: string | undefined,
): void {
  const use = templateDateUse(chatTemplate?.source ?? "");
  if (fit === undefined || use === undefined || fit.templateDate === templateDate) return;
  // Without a date, the head can have been fitted only to {text} items, which need none.
  if (fit.templateDate === undefined && use === "required") return;
  const [fitted, asked] = [fit.templateDate ?? "the template's own date", templateDate ?? "none"];
  throw new InvalidInputError(
    "ERR_INVALID_ARGUMENT",
    `The reward head was fitted with ${fitted} in the chat template, and the templateDate (--template-date) is ${asked}: ` +
      `${fit.templateDate === undefined ? "leave it out" : `set it to ${fit.templateDate}`}, or fit a head for it.`,
    { field: "templateDate" },
  );
}
