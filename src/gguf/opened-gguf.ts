import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { JoinedSource } from "../files/joined-source.ts";
import { OpenedFile } from "../files/opened-file.ts";
import { fileKey } from "../files/same-file.ts";
import { openParts } from "./parts.ts";

/** A model's file, or all parts of a split one, open as long as something depends on its content. */
export class OpenedGguf extends JoinedSource<OpenedFile> {
  /** @throws FileError ERR_FILE_NOT_READABLE, also for a part that is missing */
  static async open(path: string): Promise<OpenedGguf> {
    return new OpenedGguf(await openParts(await OpenedFile.open(path), (other) => OpenedFile.open(other)));
  }

  /** For C code of this process; undefined on Windows, and for several files, which llama.cpp opens by their names. */
  get descriptor(): number | undefined {
    const [only, ...others] = this.parts;
    return others.length === 0 ? only?.source.descriptor : undefined;
  }

  /** Whether one of its files is at this path. */
  async isAt(path: string): Promise<boolean> {
    const other = await stat(path, { bigint: true }).catch(() => undefined);
    return other !== undefined && this.statuses.some((status) => fileKey(status) === fileKey(other));
  }

  /** Of each file, as it was when it was opened. */
  get statuses(): readonly BigIntStats[] {
    return this.parts.map(({ source }) => source.status);
  }
}
