import type { HubFile } from "./listing.ts";

export interface PullProgress {
  /** Of all files of the checkpoint, those that were in the cache with them. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Bytes that came in this call. */
  readonly bytesReceived: number;
  /** The file that something came of last. */
  readonly file: string;
  /** Another process downloads this file: it is waited for. */
  readonly waiting: boolean;
}

/** Adds up what is there of all files. */
export class Tally {
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
    this.#tell(file, false);
  }

  wait(file: HubFile): void {
    this.#tell(file, true);
  }

  #tell({ path }: HubFile, waiting: boolean): void {
    this.#report({
      bytesDone: this.#sum,
      bytesTotal: this.#total,
      bytesReceived: this.#received,
      file: path,
      waiting,
    });
  }
}
