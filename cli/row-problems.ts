/** Rows that fail, on stderr: the first of each kind by their lines, the others by their number. */
import { isStarlingError } from "../src/index.ts";
import { counted } from "./counted.ts";
import { failureText } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

/** Told of each kind of problem; a file may have the same one in every row. */
const MAX_TOLD = 5;
/** Kinds that are told apart: messages that differ in every row make no line each. */
const MAX_KINDS = 20;
/** Rows without a finite score, with no other before them, that say it is the model. */
const ENOUGH_NOT_FINITE = 100;

interface Kind {
  /** Undefined for those that are beyond {@link MAX_KINDS}. */
  readonly message: string | undefined;
  count: number;
}

export class RowProblems {
  readonly #terminal: Pick<Terminal, "say">;
  readonly #kinds = new Map<string, Kind>();
  #count = 0;
  #notFinite = 0;
  #blamed = false;

  constructor(terminal: Pick<Terminal, "say">) {
    this.#terminal = terminal;
  }

  /** Rows that failed. */
  get count(): number {
    return this.#count;
  }

  /** @param where the row, as messages call it */
  add(where: string, error: unknown): void {
    this.#count += 1;
    if (isStarlingError(error) && error.code === "ERR_NOT_FINITE") this.#notFinite += 1;
    const message = failureText(error);
    const kind = this.#kindOf(error, message);
    kind.count += 1;
    if (kind.count <= MAX_TOLD) this.#terminal.say(`${where}: ${message}`);
    if (this.#notFinite === ENOUGH_NOT_FINITE && this.#count === ENOUGH_NOT_FINITE) this.#blameModel();
  }

  /** Tells what {@link add} kept back. @param rows of the whole run, as far as it came */
  end(rows: number): void {
    for (const { message, count } of this.#kinds.values())
      if (count > MAX_TOLD) {
        const which = message === undefined ? "with other problems" : `with this problem: ${message}`;
        this.#terminal.say(`and ${more(count - MAX_TOLD)} ${which}`);
      }
    if (rows > 1 && 2 * this.#notFinite > rows) this.#blameModel();
  }

  #blameModel(): void {
    if (this.#blamed) return;
    this.#blamed = true;
    this.#terminal.say(
      "most rows have no finite score: the model's file is probably damaged, or its weights do not fit this precision " +
        "(take another type, or convert it again)",
    );
  }

  #kindOf(error: unknown, message: string): Kind {
    const shape = shapeOf(error, message);
    const found = this.#kinds.get(shape);
    if (found !== undefined) return found;
    const isLast = this.#kinds.size >= MAX_KINDS;
    const key = isLast ? "" : shape;
    const kind = this.#kinds.get(key) ?? { message: isLast ? undefined : message, count: 0 };
    this.#kinds.set(key, kind);
    return kind;
  }
}

/** A message without what differs from row to row: numbers, quoted parts, and what a JSON parser says of the text. */
function shapeOf(error: unknown, message: string): string {
  const code = isStarlingError(error) ? error.code : "";
  if (code === "ERR_INVALID_JSON") return `${code} ${message.replace(/:.*/s, "")}`;
  return `${code} ${message.replaceAll(/"(?:[^"\\]|\\.)*"/gs, '""').replaceAll(/\d+/g, "0")}`;
}

function more(count: number): string {
  const [number, ...noun] = counted(count, "more row").split(" ");
  return [Number(number).toLocaleString("en-US"), ...noun].join(" ");
}
