/** Collects rows of one response each; those with the same key, wherever they are, are one case. */
import type { CaseResponse } from "../../case.ts";
import { type Adapted, type AdaptOptions, type namesOf, wrong } from "../adapter.ts";
import { compared } from "../compared.ts";
import type { GatheredRow, Gatherer } from "../layout.ts";

/** What a row says. */
export interface RatedRow {
  /** The same for responses that may be compared. */
  readonly key: string;
  readonly judged: CaseResponse;
  readonly names: ReturnType<typeof namesOf>;
}

interface Group {
  readonly first: GatheredRow;
  readonly names: RatedRow["names"];
  readonly responses: CaseResponse[];
}

/** Texts of all rows are kept until the last was read. */
const MAX_ROWS = 2_000_000;

export class ResponseTable implements Gatherer {
  readonly #groups = new Map<string, Group>();
  readonly #read: (row: unknown, options: AdaptOptions) => RatedRow;
  #rows = 0;

  constructor(read: (row: unknown, options: AdaptOptions) => RatedRow) {
    this.#read = read;
  }

  add(row: unknown, options: AdaptOptions, place: GatheredRow): void {
    const { key, judged, names } = this.#read(row, options);
    this.#rows += 1;
    if (this.#rows > MAX_ROWS) throw wrong(`at most ${MAX_ROWS} rows`, "the file", this.#rows);
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, { first: place, names, responses: [judged] });
    else group.responses.push(judged);
  }

  *cases(options: AdaptOptions): Generator<GatheredRow & { readonly adapted: Adapted }> {
    for (const { first, names, responses } of this.#groups.values()) {
      const isAlone = responses.length < 2;
      const adapted = isAlone ? { omitted: "the only response to its prompt" } : compared(responses, options, names);
      yield { ...first, adapted };
    }
  }
}
