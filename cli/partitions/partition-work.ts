/** What the commands do with one partition. */
import type { Manifest, PartitionClaim, PartitionCounts, PlacedPartition } from "../library.ts";

/** Progress of all partitions of this process. */
export interface Base {
  /** As performance.now() tells it. */
  readonly started: number;
  readonly rows: number;
  readonly tokens: number;
  /** What the status line says of this partition: "scoring, 3 of 40". */
  readonly label: string;
  /** Makes of the part of this partition the part of all. */
  fraction(own: number): number;
}

/** A partition that this process holds. */
export interface HeldPartition {
  readonly partition: PlacedPartition;
  readonly claim: PartitionClaim;
  readonly base: Base;
  /** Called as rows are done. */
  readonly onRows: (rows: number) => void;
}

/** Puts the output in its place, with what the manifest says of it. */
export type Publish = (
  publish: (manifest: (output: Manifest["output"]) => Manifest, name: string) => Promise<void>,
  done: PartitionCounts & Pick<Manifest, "engine" | "evaluation">,
) => Promise<void>;

export interface PartitionWork {
  /** "score", "rank", or "eval" and the benchmark. */
  readonly command: string;
  outputName(partition: string): string;
  /** Loads the model, once. */
  load(): Promise<void>;
  /**
   * Does one partition, and calls `publish` when all of it is there.
   *
   * @throws UsageError or a StarlingError where it cannot be done
   */
  run(held: HeldPartition, publish: Publish): Promise<void>;
  close(): Promise<void>;
}
