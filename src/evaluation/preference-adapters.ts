/** What `eval pairs` reads, for people. */
import { layouts } from "./adapters/layouts.ts";

/** An adapter: how rows of a layout of preference data become comparisons. */
export interface PreferenceAdapter {
  /** The name that the option `adapter` and the command line take. */
  readonly name: string;
  /** What it reads. */
  readonly title: string;
  /** Columns by which a file of it is recognised; empty where several names are possible. */
  readonly columns: readonly string[];
  /** What must score higher than what. */
  readonly compared: string;
}

/**
 * The adapters of "pairs". There is also "two-responses:FIRST..SECOND" for a label on a scale, from FIRST (the first response
 * is better) to SECOND: "two-responses:0..1", "two-responses:1..-1"; likewise for another scale of a data set: "helpsteer2:1..7".
 * And "two-responses:FIRST,SECOND,TIE" for labels that are codes: "two-responses:0,1,2".
 */
export const preferenceAdapters: readonly PreferenceAdapter[] = layouts.map(({ name, title, columns, compared }) => ({
  name,
  title,
  columns: Object.keys(columns),
  compared,
}));
