/** Resolves a benchmark's data to local files: its pinned data set, another data set on the hub, or a local file. */
import { InvalidInputError } from "../errors.ts";
import { isHubSpec, parseDatasetSpec } from "../hub/address.ts";
import type { DatasetOptions, DatasetRepository } from "../hub/dataset-files.ts";
import type { Internals } from "../hub/hub-folder.ts";
import { hubChecks } from "../hub/settings.ts";
import { datasetFiles, findFiles } from "../inputs/find-files.ts";
import { openInput, STANDARD_INPUT } from "../inputs/open-input.ts";
import { aFunction, aSignal, checkOptions } from "../options.ts";
import { spool } from "../rows/spool.ts";
import { type BenchmarkSource, benchmarks } from "./benchmarks.ts";
import type { BenchmarkName } from "./case.ts";

export interface ResolvedSource {
  /** For messages and reports: the path as given, or "hf:OWNER/NAME@COMMIT/PATH". */
  readonly name: string;
  /** Local path for {@link openRows}. */
  readonly path: string;
}

export type ResolveSourceOptions = DatasetOptions;

/**
 * Finds a benchmark's files and downloads those that are not cached.
 *
 * @param spec a local file or folder, a pattern, "-" for standard input; "hf:OWNER/NAME[@REVISION][/PATH]", where PATH is a
 *   file, a folder or a pattern with "*" and is optional for the benchmark's own data set and for data sets with one data file;
 *   undefined: the benchmark's own data set
 * @throws InvalidInputError for a benchmark without a data set of its own, or HubError. Does not check local files yet.
 */
export async function resolveSource(
  spec: string | undefined,
  benchmark: BenchmarkName,
  options: ResolveSourceOptions = {},
  internals: Internals = {},
): Promise<readonly ResolvedSource[]> {
  options = checkOptions("resolveSource", options, { ...hubChecks, onProgress: aFunction, signal: aSignal });
  if (spec === STANDARD_INPUT) return [await spooledInput()];
  if (spec !== undefined && !isHubSpec(spec)) return findFiles([spec]);
  const found: ResolvedSource[] = [];
  for (const { repository, files } of spec === undefined ? ownSources(benchmark) : [namedSource(spec, benchmark)])
    found.push(...(await datasetFiles(repository, files, options, internals)));
  return found;
}

/** Data is read more than once: a copy, which is removed when the process ends. */
async function spooledInput(): Promise<ResolvedSource> {
  const input = await openInput(STANDARD_INPUT);
  const { path } = await spool(input.chunks, input.name);
  return { name: input.name, path };
}

interface Wanted {
  readonly repository: DatasetRepository;
  readonly files: readonly string[] | undefined;
}

function ownSources(benchmark: BenchmarkName): Wanted[] {
  const own = sourcesOf(benchmark);
  if (own.length > 0)
    return own.map(({ repository: id, revision, files }) => ({ repository: { id, revision, kind: "dataset" }, files }));
  throw new InvalidInputError(
    "ERR_INVALID_ARGUMENT",
    `The benchmark ${benchmark} has no data set of its own: give a file, or ${benchmarks[benchmark].published ?? "hf:OWNER/NAME/PATH"} for a file on the hub.`,
    { field: "input" },
  );
}

function sourcesOf(benchmark: BenchmarkName): readonly BenchmarkSource[] {
  const { source, moreSources = [] } = benchmarks[benchmark];
  return source === undefined ? [] : [source, ...moreSources];
}

/** For the benchmark's own data set, a missing path means its files, and a missing revision its pinned commit. */
function namedSource(spec: string, benchmark: BenchmarkName): Wanted {
  const { repository, isRevisionNamed, path } = parseDatasetSpec(spec);
  const own = sourcesOf(benchmark).find((source) => source.repository === repository.id);
  const revision = own !== undefined && !isRevisionNamed ? own.revision : repository.revision;
  const files = path === undefined ? own?.files : [path];
  return { repository: { ...repository, revision }, files };
}
