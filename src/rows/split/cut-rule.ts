/** Where a file is cut: by rows, bytes or a number of parts. */

/** What was asked for: one of the three. */
export type CutSize = { readonly rows: number } | { readonly bytes: number } | { readonly parts: number };

/** A row before which the file may be cut. */
export interface Candidate {
  /** Its bytes are those from `start` to `end` of the input. */
  readonly start: number;
  readonly end: number;
  /** Rows and bytes of the part so far. */
  readonly partRows: number;
  readonly partBytes: number;
  /** Whether a part that begins with it is read as the whole file is. */
  opens(): boolean;
}

export interface CutRule {
  /** Whether a part should begin with this row, if it can. */
  wants(row: Candidate): boolean;
}

/** What a first pass finds out. */
export interface Totals {
  readonly rows: number;
  /** Rows that a part can begin with. */
  readonly openings: number;
  /** Position of the first row, and after the last. */
  readonly start: number;
  readonly end: number;
}

export const COUNT_ONLY: CutRule = {
  wants(row) {
    row.opens();
    return false;
  },
};

/** @param totals for a number of parts */
export function cutRule(size: CutSize, totals?: Totals): CutRule {
  if ("rows" in size) return { wants: ({ partRows }) => partRows >= size.rows };
  if ("bytes" in size)
    return { wants: ({ partBytes, start, end }) => partBytes > 0 && partBytes + end - start > size.bytes };
  return evenParts(size.parts, totals as Totals);
}

/** Parts of about the same number of bytes, each with a row at least: exactly as many as asked for where there are as many rows. */
function evenParts(asked: number, { start, end, openings }: Totals): CutRule {
  const parts = Math.min(asked, openings);
  const share = (end - start) / parts;
  // The first row begins the first part.
  let [begun, left] = [1, openings - 1];
  return {
    wants(row) {
      if (!row.opens()) return false;
      const middle = (row.start + row.end) / 2 - start;
      const cuts = begun < parts && (middle >= begun * share || left <= parts - begun);
      left -= 1;
      if (cuts) begun += 1;
      return cuts;
    },
  };
}
