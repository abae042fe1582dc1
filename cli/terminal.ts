/** The terminal and its one status line. */
import { visible } from "./visible-text.ts";

/** For tests without a terminal: streams to treat as one, such as "stdout,stderr". */
const FORCE_VARIABLE = "STARLING_RM_FORCE_TTY";
const DEFAULT_COLUMNS = 80;
const MIN_COLUMNS = 20;
/** The status line is drawn at most this often… */
const MIN_REDRAW_MS = 100;
/** …and at least this often, to show that a long text is still in progress. */
const MAX_REDRAW_MS = 500;

export type StreamName = "stdout" | "stderr";

export class Terminal {
  #render: ((columns: number) => string) | undefined;
  #drawn = false;
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

  /** Keeps a line at the bottom of the terminal; does nothing if stderr is not a terminal. */
  showStatus(render: (columns: number) => string): void {
    if (!this.isTerminal("stderr") || process.env["TERM"] === "dumb") return;
    this.#render = render;
    this.#timer ??= setInterval(() => this.#draw(), MAX_REDRAW_MS).unref();
    this.redrawStatus();
  }

  /** Call when the line's content has changed. */
  redrawStatus(): void {
    // A hidden line comes back at once, or it would be hidden most of the time.
    if (this.#render && (!this.#drawn || performance.now() - this.#drawnAt >= MIN_REDRAW_MS)) this.#draw();
  }

  /** Erases the line until it is drawn next; call before printing anything else. */
  hideStatus(): void {
    if (this.#drawn) process.stderr.write("\r\x1b[K");
    this.#drawn = false;
  }

  endStatus(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#render = undefined;
    this.hideStatus();
  }

  #draw(): void {
    if (!this.#render) return;
    // One column stays free: a full line makes some terminals wrap.
    process.stderr.write(`\r\x1b[K${this.#render(this.columns - 1)}`);
    this.#drawn = true;
    this.#drawnAt = performance.now();
  }
}
