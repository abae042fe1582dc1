/** Lists and objects in the cells of CSV. */
import { parsed } from "../../prompt/csv-cells.ts";

/** What JSON in a text holds; anything else unchanged. */
export function asJson(value: unknown): unknown {
  return parsed(value) ?? value;
}
