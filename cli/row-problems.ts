/** Reports failed rows on stderr: the first of each kind by line, the others as a count. */
import { isStarlingError } from "../src/index.ts";
import { grouped } from "./counted.ts";
import { failureText } from "./errors.ts";
import { problemShape } from "./library.ts";
import type { Terminal } from "./terminal.ts";

/** Reported of each kind of problem; a file may have the same one in every row. */
const MAX_REPORTED = 5;
/** Kinds that are distinguished: messages that differ in every row must not print a line each. */
const MAX_KINDS = 20;
/** If this many rows fail with no finite score and nothing else failed, the model is blamed. */
const ENOUGH_NOT_FINITE = 100;

interface Kind {
  /** Undefined for kinds beyond {@link MAX_KINDS}. */
  readonly message: string | undefined;
  count: number;
}

export class RowProblems {
  readonly #terminal: Pick<Terminal, "say">;
  readonly #kinds = new Map<string, Kind>();
  #count: number;
  #notFinite = 0;
  #blamed = false;

  /** @param before rows that failed in an earlier run */
  constructor(terminal: Pick<Terminal, "say">, before = 0) {
    this.#terminal = terminal;
    this.#count = before;
  }

  /** Rows that failed, with those of an earlier run. */
  get count(): number {
    return this.#count;
  }

  /** @param where the row's name in messages */
  add(where: string, error: unknown): void {
    this.#count += 1;
    if (isStarlingError(error) && error.code === "ERR_NOT_FINITE") this.#notFinite += 1;
    const message = failureText(error);
    const kind = this.#kindOf(error, message);
    kind.count += 1;
    if (kind.count <= MAX_REPORTED) this.#terminal.say(`${where}: ${message}`);
    if (this.#notFinite === ENOUGH_NOT_FINITE && this.#count === ENOUGH_NOT_FINITE) this.#blameModel();
  }

  /** Reports what {@link add} held back. @param rows processed so far */
  end(rows: number): void {
    for (const { message, count } of this.#kinds.values())
      if (count > MAX_REPORTED) {
        const which = message === undefined ? "with other problems" : `with this problem: ${message}`;
        this.#terminal.say(`and ${more(count - MAX_REPORTED)} ${which}`);
      }
    if (rows > 1 && 2 * this.#notFinite > rows) this.#blameModel();
  }

  #blameModel(): void {
    if (this.#blamed) return;
    this.#blamed = true;
    this.#terminal.say(
      "most rows have no finite score: the model file is probably damaged, or its weights overflow in this precision " +
        "(try another type, or convert again)",
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

function shapeOf(error: unknown, message: string): string {
  const code = isStarlingError(error) ? error.code : "";
  return `${code} ${problemShape(message)}`;
}

function more(count: number): string {
  return `${grouped(count)} more ${count === 1 ? "row" : "rows"}`;
}
