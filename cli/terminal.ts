/** What the CLI knows of the terminal, and its one status line. */
import { visible } from "./visible-text.ts";

/** For tests, where no terminal is at hand: a list such as "stdout,stderr" of streams to treat as terminals. */
const FORCE_VARIABLE = "STARLING_RM_FORCE_TTY";
const DEFAULT_COLUMNS = 80;
const MIN_COLUMNS = 20;
/** The status line is drawn at most this often… */
const MIN_REDRAW_MS = 100;
/** …and at least this often, so that one can see that a long text is still being worked on. */
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
    const told = Number(process.env["COLUMNS"]);
    // Some pseudo-terminals say 0.
    const columns = process.stdout.columns || process.stderr.columns || told || DEFAULT_COLUMNS;
    return Math.max(MIN_COLUMNS, columns);
  }

  /** Prints one line on stderr. */
  say(message: string): void {
    this.hideStatus();
    process.stderr.write(`starling-rm: ${visible(message)}\n`);
  }

  /** Keeps a line at the bottom of the terminal on stderr; does nothing where stderr is none. */
  showStatus(render: (columns: number) => string): void {
    if (!this.isTerminal("stderr") || process.env["TERM"] === "dumb") return;
    this.#render = render;
    this.#timer ??= setInterval(() => this.#draw(), MAX_REDRAW_MS).unref();
    this.redrawStatus();
  }

  /** To be called when what the line shows has changed. */
  redrawStatus(): void {
    // A line that was hidden comes back at once: it would be away most of the time otherwise.
    if (this.#render && (!this.#drawn || performance.now() - this.#drawnAt >= MIN_REDRAW_MS)) this.#draw();
  }

  /** Takes the line away until it is drawn next; to be called before anything else is printed. */
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
