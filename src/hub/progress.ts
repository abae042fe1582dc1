import type { DownloadProgress } from "../progress.ts";
import type { HubFile } from "./listing.ts";

/** Sums the progress of all files and reports each change. */
export class ProgressCounter {
  readonly #total: number;
  readonly #done = new Map<HubFile, number>();
  readonly #report: (progress: DownloadProgress) => void;
  #sum = 0;
  #received = 0;

  constructor(files: readonly HubFile[], report: (progress: DownloadProgress) => void = () => {}) {
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
      phase: "downloading",
      fraction: this.#total === 0 ? 1 : this.#sum / this.#total,
      bytesDone: this.#sum,
      bytesTotal: this.#total,
      bytesReceived: this.#received,
      file: path,
      waiting,
    });
  }
}
