/** How rows are read: which format, and what their fields are called. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type InputFormat, inputFormats } from "./library.ts";
import { collect } from "./option-values.ts";

export interface FieldOptions {
  readonly field?: readonly string[];
  readonly inputFormat?: InputFormat;
}

export const IGNORE_FIELD = 'ignore this field of the input, such as "tools" (repeatable)';

export function addFieldOptions(command: Command): Command {
  return command
    .option(
      "--field <ours=theirs>",
      "read a field from another, such as prompt=question or prompt=data.0.text (repeatable)",
      fieldValue,
    )
    .addOption(new Option("--input-format <format>", "format of --input (default: detected)").choices(inputFormats));
}

function fieldValue(text: string, before: readonly string[] | undefined): string[] {
  const at = text.indexOf("=");
  if (at > 0 && at < text.length - 1) return collect(text, before);
  throw new InvalidArgumentError("Expected OURS=THEIRS, such as prompt=question.");
}

/** Repeated names are lists. */
export function fieldMapping(fields: readonly string[] = []): Record<string, readonly string[]> {
  const mapping: Record<string, string[]> = Object.create(null);
  for (const field of fields) {
    const at = field.indexOf("=");
    const [target, path] = [field.slice(0, at), field.slice(at + 1)];
    mapping[target] = [...(mapping[target] ?? []), path];
  }
  return mapping;
}
