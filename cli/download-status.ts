/** The status line of a download from the hub. */
import type { DownloadProgress } from "../src/index.ts";
import { downloadText } from "./progress-bar.ts";
import type { Terminal } from "./terminal.ts";

/** Shows the progress that `download` reports until it ends. */
export async function shownDownload<T>(
  terminal: Terminal,
  download: (onProgress: (progress: DownloadProgress) => void) => Promise<T>,
): Promise<T> {
  const started = performance.now();
  let progress: DownloadProgress | undefined;
  terminal.showStatus((columns) =>
    progress === undefined
      ? "contacting the hub"
      : downloadText(progress, (performance.now() - started) / 1000, columns),
  );
  try {
    return await download((now) => {
      progress = now;
      terminal.redrawStatus();
    });
  } finally {
    terminal.endStatus();
  }
}
