/** From the rows of an input to an output; shared by the commands that write a row for each row. */
import type { CommandContext } from "./context.ts";
import { sayComplete, withoutEarlier } from "./earlier-rows.ts";
import { pathIdentity } from "./file-identity.ts";
import { fingerprint } from "./fingerprint.ts";
import { openOutput } from "./output.ts";
import type { OutputOptions } from "./output-options.ts";
import type { PrintTarget } from "./print-rows.ts";
import type { Row } from "./row.ts";
import type { RowSource } from "./row-options.ts";

export interface WritingTask {
  readonly command: "score" | "rank" | "tokenize";
  readonly source: RowSource;
  readonly modelPath: string;
  readonly head?: string | undefined;
  /** Whether the output can only be made when all rows are known. */
  readonly held?: boolean;
}

/**
 * Opens the output and leaves out the rows that an earlier run has done.
 *
 * @param write prints the others, and returns the exit code
 * @returns the exit code
 */
export async function writeRows(
  { command, source, modelPath, head, held = false }: WritingTask,
  options: Pick<OutputOptions, "output" | "force" | "resume">,
  { terminal, signal }: CommandContext,
  write: (rows: AsyncIterable<Row>, target: PrintTarget) => Promise<number>,
): Promise<number> {
  const { output: name = "", force = false, resume = false } = options;
  // Loading takes minutes: fail on a bad output name first.
  const sources = [...source.identities, await pathIdentity(modelPath), head && (await pathIdentity(head))];
  const output = await openOutput(options.output, {
    sources,
    force,
    resume,
    held,
    signal,
    fingerprint: () => fingerprint({ command, options, modelPath, head, inputs: source.files ?? [] }),
  });
  try {
    terminal.rowsOnStdout = output.isStdout;
    const { earlier } = output;
    const { rows, hash } = await withoutEarlier(source.rows, earlier, name, signal);
    if (earlier?.complete) return sayComplete(terminal, name, earlier);
    const summary = source.isArguments !== true;
    return await write(rows, { output, terminal, noRows: source.noRows, hash, summary });
  } finally {
    await output.close();
  }
}
