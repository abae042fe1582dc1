import type { HubFile } from "./listing.ts";

export interface PullProgress {
  /** Bytes of all files that are complete or under way, cached files included. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Bytes downloaded by this call. */
  readonly bytesReceived: number;
  /** The file that changed last. */
  readonly file: string;
  /** True while another process downloads this file and this call waits for it. */
  readonly waiting: boolean;
}

/** Sums the progress of all files and reports each change. */
export class ProgressCounter {
  readonly #total: number;
  readonly #done = new Map<HubFile, number>();
  readonly #report: (progress: PullProgress) => void;
  #sum = 0;
  #received = 0;

  constructor(files: readonly HubFile[], report: (progress: PullProgress) => void = () => {}) {
    this.#total = files.reduce((sum, { size }) => sum + size, 0);
    this.#report = report;
  }

  set(file: HubFile, bytes: number, received: number): void {
    this.#sum += bytes - (this.#done.get(file) ?? 0);
    this.#done.set(file, bytes);
    this.#received += received;
    this.#emit(file, false);
  }

  wait(file: HubFile): void {
    this.#emit(file, true);
  }

  #emit({ path }: HubFile, waiting: boolean): void {
    this.#report({
      bytesDone: this.#sum,
      bytesTotal: this.#total,
      bytesReceived: this.#received,
      file: path,
      waiting,
    });
  }
}
