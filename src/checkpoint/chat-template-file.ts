/**
 * Which chat template a checkpoint has, as transformers decides it: any template file makes it ignore the templates in
 * tokenizer_config.json, and of several named templates it uses the one called "default".
 */

import { isUtf8 } from "node:buffer";
import { describe } from "../errors.ts";
import { MAX_TEMPLATE_BYTES } from "../profiles/rules.ts";
import type { CheckpointFolder } from "./folder.ts";
import { isJsonObject, own, parseJsonObject, readSmallFile } from "./json.ts";
import { hasAs, refuse } from "./refuse.ts";
import type { JsonFile } from "./tokenizer-config.ts";
import type { SourceFile } from "./vocabulary.ts";

/** The templates of a checkpoint: the one that renders conversations, or the names of those that do not. */
export type CheckpointTemplate =
  | {
      readonly kind: "template";
      readonly text: string;
      /** Its origin: a path in the folder, followed by " (default)" if it was one of a list. */
      readonly from: string;
    }
  /** Named templates without a default: transformers renders nothing with them unless one is named. */
  | { readonly kind: "named"; readonly names: readonly string[] };

/** The single template, under "default", and the folder of named ones. */
export const TEMPLATE_FILE = "chat_template.jinja";
export const TEMPLATE_FOLDER = "additional_chat_templates";
const EXTENSION = ".jinja";
const DEFAULT = "default";

/** Most named templates: models have up to three. */
const MAX_NAMED = 20;

/** Whether a path in a checkpoint's folder is that of a template. */
export function isTemplateFile(path: string): boolean {
  if (path === TEMPLATE_FILE) return true;
  const name = path.startsWith(`${TEMPLATE_FOLDER}/`) ? path.slice(TEMPLATE_FOLDER.length + 1) : "/";
  return name.endsWith(EXTENSION) && !name.includes("/");
}

/** The paths of all templates that a folder has as files. @throws FileError ERR_INVALID_CHECKPOINT for too many */
export async function templateFiles(folder: CheckpointFolder): Promise<string[]> {
  const named = (await folder.list(TEMPLATE_FOLDER)).map((name) => `${TEMPLATE_FOLDER}/${name}`).filter(isTemplateFile);
  if (named.length > MAX_NAMED)
    throw refuse(folder.pathOf(TEMPLATE_FOLDER), `has ${named.length} templates; the limit is ${MAX_NAMED}.`);
  return [...((await folder.list()).includes(TEMPLATE_FILE) ? [TEMPLATE_FILE] : []), ...named];
}

/**
 * Reads the chat template of a checkpoint. Every template file is read. One that cannot be read is refused even if
 * another one is used, as in transformers.
 *
 * @param sources the files read so far, including tokenizer_config.json; the template's file is added
 * @returns undefined if the checkpoint has none
 * @throws FileError ERR_INVALID_CHECKPOINT naming the file that is not text or too long
 */
export async function readChatTemplate(
  folder: CheckpointFolder,
  sources: SourceFile[],
): Promise<CheckpointTemplate | undefined> {
  const named = new Map<string, SourceFile>();
  for (const path of await templateFiles(folder)) {
    const name = path === TEMPLATE_FILE ? DEFAULT : path.slice(TEMPLATE_FOLDER.length + 1, -EXTENSION.length);
    // transformers loads it instead of chat_template.jinja, probably by mistake.
    if (name === "file")
      throw refuse(folder.pathOf(path), `has a name that transformers takes for ${TEMPLATE_FILE}; rename it.`);
    const bytes = await readSmallFile(folder, path, MAX_TEMPLATE_BYTES);
    if (!isUtf8(bytes) || bytes.includes(0))
      throw refuse(folder.pathOf(path), "is not UTF-8 text; expected a Jinja template.");
    // A file called "default" in the folder wins over chat_template.jinja.
    named.set(name, { name: path, bytes });
  }
  if (named.size === 0) return readConfigured(folder, sources);
  const taken = named.get(DEFAULT);
  if (taken === undefined) return { kind: "named", names: [...named.keys()].slice(0, MAX_NAMED) };
  sources.push(taken);
  // Python converts line ends to "\n" when it reads text.
  return { kind: "template", text: taken.bytes.toString("utf8").replace(/\r\n?/g, "\n"), from: taken.name };
}

function readConfigured(folder: CheckpointFolder, sources: readonly SourceFile[]): CheckpointTemplate | undefined {
  const name = "tokenizer_config.json";
  const bytes = sources.find((source) => source.name === name)?.bytes;
  if (bytes === undefined) return undefined;
  const path = folder.pathOf(name);
  return configuredTemplate({ path, value: parseJsonObject(bytes, path) }, name);
}

const field = "chat_template";

/** @internal Exported for its tests. */
export function configuredTemplate({ path, value }: JsonFile, name: string): CheckpointTemplate | undefined {
  const given = own(value, field);
  if (given === undefined || given === null) return undefined;
  if (typeof given === "string") return { kind: "template", text: checkText(path, given), from: name };
  const named = namedTemplates(path, given);
  if (named.size === 0) return undefined;
  if (!named.has(DEFAULT)) return { kind: "named", names: [...named.keys()].slice(0, MAX_NAMED) };
  return { kind: "template", text: checkText(path, named.get(DEFAULT)), from: `${name} (${DEFAULT})` };
}

/** A list of {name, template}, of which the last of two with one name counts; or an object from name to template. */
function namedTemplates(path: string, given: unknown): Map<string, unknown> {
  if (isJsonObject(given)) return new Map(Object.entries(given));
  if (!Array.isArray(given))
    throw refuse(path, `${hasAs(given, field)}; expected a template or a list of named templates.`, {
      field,
    });
  return new Map(
    given.map((entry: unknown, i) => {
      const name = isJsonObject(entry) ? own(entry, "name") : undefined;
      if (isJsonObject(entry) && typeof name === "string") return [name, own(entry, "template")];
      throw refuse(path, `has ${describe(entry)} as ${field}[${i}]; expected an object with name and template.`, {
        field,
      });
    }),
  );
}

function checkText(path: string, template: unknown): string {
  const problem = templateProblem(template);
  if (problem === undefined) return template as string;
  throw refuse(path, `has a ${field} ${problem}.`, { field });
}

function templateProblem(template: unknown): string | undefined {
  if (template === undefined) return "without its text";
  if (typeof template !== "string") return `that is ${describe(template)}; expected a string`;
  if (template.includes("\0") || !template.isWellFormed()) return "that is not text";
  const bytes = Buffer.byteLength(template);
  return bytes > MAX_TEMPLATE_BYTES ? `of ${bytes} bytes; the limit is ${MAX_TEMPLATE_BYTES}` : undefined;
}
