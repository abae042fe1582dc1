/** Folders of the Python library datasets, whose rows are in Arrow files: JSON files beside them would be read as rows. */
import { basename, dirname } from "node:path";

/** Whether a name is one of a file of rows in Arrow's format. */
export function isArrowFile(name: string): boolean {
  return /\.(?:arrow|feather)$/i.test(name);
}

/**
 * Why a folder cannot be read, as a sentence that follows its name; undefined: its rows are not in Arrow files.
 *
 * @param data data files in it and below, those that describe a saved data set among them
 * @param unread files in it and below whose format is not read
 */
export function arrowProblem(folder: string, data: readonly string[], unread: readonly string[]): string | undefined {
  const arrows = unread.filter(isArrowFile);
  const [first] = [...arrows].sort();
  if (first === undefined) return undefined;
  const hasFile = (parent: string, name: string) =>
    data.some((path) => dirname(path) === parent && basename(path) === name);
  const [saved] = [...new Set(arrows.map(dirname))].filter((parent) => hasFile(parent, "state.json")).sort();
  if (saved !== undefined) {
    const isSplit = hasFile(dirname(saved), "dataset_dict.json");
    const [root, split] = isSplit ? [dirname(saved), `[${JSON.stringify(basename(saved))}]`] : [saved, ""];
    const where = root === folder ? "is a data set" : `contains a data set, ${root},`;
    return (
      `${where} saved by datasets.save_to_disk, in Arrow files, which starling-rm cannot read. Export it in Python with ` +
      `datasets.load_from_disk(${JSON.stringify(root)})${split}.to_parquet("${basename(saved)}.parquet") and pass that file`
    );
  }
  if (data.some((path) => basename(path) !== "dataset_info.json")) return undefined;
  return `has its rows in Arrow files, which starling-rm cannot read. Export them in Python with ${exportOf(first)} and pass that file`;
}

/** The line of Python that writes an Arrow file as parquet. */
export function exportOf(path: string): string {
  const read = /\.feather$/i.test(path) ? "pandas.read_feather" : "datasets.Dataset.from_file";
  return `${read}(${JSON.stringify(path)}).to_parquet("${basename(path).replace(/\.\w+$/, "")}.parquet")`;
}
