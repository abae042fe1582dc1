import { createHash } from "node:crypto";
import { MANIFEST_FORMAT, type Manifest } from "../../../src/partitions/manifest.ts";

/** A manifest of a partition with this content, in and out. */
export function manifestOf(partition: string, content = "{}\n"): Manifest {
  const sha256 = createHash("sha256").update(content).digest("hex");
  const file = { bytes: Buffer.byteLength(content), sha256 };
  return {
    format: MANIFEST_FORMAT,
    partition,
    command: "score",
    version: "0.1.0",
    model: { file: "rm.gguf", fingerprint: "0".repeat(64) },
    settings: {},
    ...{ rows: 1, records: 1, failures: 0, warnings: 0, truncated: 0, tokens: 9 },
    input: { name: partition, ...file },
    output: { name: partition, ...file },
    engine: { backend: "cpu", batchMode: "exact", devices: ["CPU"], ownKernels: false },
    seconds: 0.5,
    finished: "2026-01-01T00:00:00.000Z",
  };
}
