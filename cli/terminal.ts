/** The terminal and its one status line. */
import { fstatSync } from "node:fs";
import { visible } from "./visible-text.ts";

/** For tests without a terminal: streams to treat as one, such as "stdout,stderr". */
const FORCE_VARIABLE = "STARLING_RM_FORCE_TTY";
/** For tests: seconds between two lines of progress. */
const LINE_VARIABLE = "STARLING_RM_PROGRESS_SECONDS";
const DEFAULT_COLUMNS = 80;
const MIN_COLUMNS = 20;
/** The status line is drawn at most this often… */
const MIN_REDRAW_MS = 100;
/** …and at least this often, to show that a long text is still in progress. */
const MAX_REDRAW_MS = 500;
/** Without a terminal, progress is a line this often. */
const LINE_SECONDS = 30;
/** Width of such a line: a log has no columns. */
const LINE_COLUMNS = 120;
/** A longer line would be wrapped in a window that becomes narrower, before we can know of it. */
const MAX_STATUS_COLUMNS = 59;
const STDOUT = 1;
/** A terminal that has become narrower, and has not said so yet, must not make several lines of the one. */
const [NO_WRAP, WRAP] = ["\x1b[?7l", "\x1b[?7h"];

export type StreamName = "stdout" | "stderr";

/** Text of at most `columns` columns; `isLine` in a log, where a bar says nothing. */
export type RenderStatus = (columns: number, isLine: boolean) => string;

export interface StatusOptions {
  /** Rows are written to standard output meanwhile. */
  readonly overRows?: boolean;
}

export class Terminal {
  /** Only failures and warnings are printed. */
  quiet = false;
  /** Whether progress is shown. */
  progress = true;
  /** The command writes rows to standard output: what is behind a pipe may print them on this terminal. */
  rowsOnStdout = false;
  #render: RenderStatus | undefined;
  /** Columns of the line that is drawn; 0 for none. */
  #drawn = 0;
  #drawnAt = 0;
  #timer: NodeJS.Timeout | undefined;

  isTerminal(stream: StreamName): boolean {
    const forced = process.env[FORCE_VARIABLE];
    return forced === undefined ? process[stream].isTTY === true : forced.split(",").includes(stream);
  }

  get columns(): number {
    const given = Number(process.env["COLUMNS"]);
    // Some pseudo-terminals report 0.
    const columns = process.stdout.columns || process.stderr.columns || given || DEFAULT_COLUMNS;
    return Math.max(MIN_COLUMNS, columns);
  }

  /** Prints one line on stderr. */
  say(message: string): void {
    this.hideStatus();
    process.stderr.write(`starling-rm: ${visible(message)}\n`);
  }

  /** Prints one line on stderr that --quiet leaves out. */
  note(message: string): void {
    if (!this.quiet) this.say(message);
  }

  /**
   * Keeps a line at the bottom of the terminal. Where it could be drawn over rows there is none; where stderr is no terminal, a line
   * is printed now and then.
   */
  showStatus(render: RenderStatus, { overRows = false }: StatusOptions = {}): void {
    if (this.quiet || !this.progress) return;
    // The rows themselves show the progress.
    if (overRows && this.isTerminal("stdout")) return;
    const canDraw = this.isTerminal("stderr") && process.env["TERM"] !== "dumb";
    if (!canDraw || (this.rowsOnStdout && !this.isTerminal("stdout") && isPipe())) {
      const seconds = Number(process.env[LINE_VARIABLE]) || LINE_SECONDS;
      this.#timer ??= setInterval(() => this.say(render(LINE_COLUMNS, true)), seconds * 1000).unref();
      return;
    }
    this.#render = render;
    this.#timer ??= setInterval(() => this.#draw(), MAX_REDRAW_MS).unref();
    this.redrawStatus();
  }

  /** Call when the line's content has changed. */
  redrawStatus(): void {
    // A hidden line comes back at once, or it would be hidden most of the time.
    if (this.#render && (this.#drawn === 0 || performance.now() - this.#drawnAt >= MIN_REDRAW_MS)) this.#draw();
  }

  /** Erases the line until it is drawn next; call before printing anything else. */
  hideStatus(): void {
    if (this.#drawn === 0) return;
    refreshSize();
    process.stderr.write(this.#erase());
    this.#drawn = 0;
  }

  endStatus(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#render = undefined;
    this.hideStatus();
  }

  #draw(): void {
    if (!this.#render) return;
    refreshSize();
    const erase = this.#erase();
    // One column stays free: a full line makes some terminals wrap.
    const text = this.#render(Math.min(this.columns - 1, MAX_STATUS_COLUMNS), false);
    process.stderr.write(`${erase}${NO_WRAP}${text}${WRAP}`);
    this.#drawn = text.length;
    this.#drawnAt = performance.now();
  }

  /** A window that became narrower has wrapped the line: it now takes several. */
  #erase(): string {
    const wrapped = Math.max(0, Math.ceil(this.#drawn / this.columns) - 1);
    return wrapped === 0 ? "\r\x1b[K" : `\r\x1b[${wrapped}A\x1b[J`;
  }
}

/** Node learns of a new width by a signal, which may come after the terminal has wrapped what is drawn. */
function refreshSize(): void {
  for (const stream of [process.stdout, process.stderr]) (stream as { _refreshSize?: () => void })._refreshSize?.();
}

/** What is behind a pipe may print to the same terminal: less, head, tee. */
function isPipe(): boolean {
  try {
    const stats = fstatSync(STDOUT);
    return stats.isFIFO() || stats.isSocket();
  } catch {
    return false;
  }
}
