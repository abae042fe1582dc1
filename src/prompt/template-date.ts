/** The date that some chat templates write: of today in transformers, of the caller's choice here. */
import type { Check } from "../options.ts";

/**
 * - `required`: it calls strftime_now, which gives transformers' scores of another day every day, at least for some
 *   conversations; they cannot be scored without a date.
 * - `optional`: it uses date_string if given, otherwise a fixed date (Llama 3.1).
 */
export type TemplateDateUse = "required" | "optional";

/** Whether a Jinja template asks for a date; undefined: it does not. */
export function templateDateUse(source: string): TemplateDateUse | undefined {
  if (/\bstrftime_now\b/.test(source)) return "required";
  return /\bdate_string\b/.test(source) ? "optional" : undefined;
}

/** The first year with four digits, which Python's %Y writes alike everywhere. */
const FIRST_YEAR = 1000;

/** Whether it is a date as the option templateDate takes it: a real one, from the year 1000 on, as YYYY-MM-DD. */
export function isTemplateDate(value: unknown): value is string {
  const match = typeof value === "string" ? /^(\d{4})-\d\d-\d\d$/.exec(value) : null;
  const date = new Date(`${value}T00:00:00Z`);
  // The 30th of February is the 1st of March.
  const isReal = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(String(value));
  return match !== null && isReal && Number(match[1]) >= FIRST_YEAR;
}

export const aDate: Check = (value) => (isTemplateDate(value) ? undefined : "a date like 2024-07-26 (YYYY-MM-DD)");
