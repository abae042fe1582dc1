/** Where rows begin in a page of a list: a value of repetition level 0 begins one. */
import type { PageHeader } from "hyparquet";
import { bitWidth } from "./page-check.ts";

export interface RowStarts {
  readonly count: number;
  /** Whether the page's first value begins a row; otherwise it continues the row before. */
  readonly atFirst: boolean;
}

const LENGTH_BYTES = 4;

/** @param bytes of a decompressed page whose runs were checked */
export function rowStarts(bytes: Uint8Array, header: PageHeader, maxRepetition: number): RowStarts {
  const values = (header.data_page_header ?? header.data_page_header_v2)?.num_values ?? 0;
  const width = bitWidth(maxRepetition);
  let at = header.data_page_header_v2 === undefined ? LENGTH_BYTES : 0;
  let seen = 0;
  let count = 0;
  let atFirst = false;
  const add = (level: number, times: number) => {
    if (level === 0) {
      if (seen === 0) atFirst = true;
      count += times;
    }
    seen += times;
  };
  while (seen < values && at < bytes.length) {
    let run = 0;
    for (let i = 0; ; i++) {
      const byte = bytes[at++] ?? 0;
      run += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) break;
    }
    const isPacked = run % 2 === 1;
    const length = Math.floor(run / 2) * (isPacked ? 8 : 1);
    const counted = Math.min(length, values - seen);
    if (isPacked) for (let i = 0; i < counted; i++) add(levelAt(bytes, at, i * width, width), 1);
    else add(bytes[at] ?? 0, counted);
    at += isPacked ? (length * width) / 8 : Math.ceil(width / 8);
  }
  return { count, atFirst };
}

/** Levels have at most eight bits: columns are not nested deeper. */
function levelAt(bytes: Uint8Array, at: number, position: number, width: number): number {
  const first = at + (position >> 3);
  const word = (bytes[first] ?? 0) | ((bytes[first + 1] ?? 0) << 8);
  return (word >> (position & 7)) & ((1 << width) - 1);
}
