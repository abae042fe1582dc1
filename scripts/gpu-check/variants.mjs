// The settings that are measured: the library's own for each mode, and one change at a time.

/** What a GPU's defaults depend on: tokens per batch, and the precision of keys and values. */
const packedChanges = {
  "micro-batch 256": { microBatch: 256 },
  "micro-batch 1024": { microBatch: 1024 },
  "micro-batch 2048": { microBatch: 2048 },
  "f32 keys and values": { kvType: "f32" },
};

/** @returns {{ name: string, batchMode: "exact" | "packed", changes: object }[]} changes: of the native load options */
export function variantsFor(backend) {
  const variant = (batchMode, name, changes) => ({ name: `${batchMode}, ${name}`, batchMode, changes });
  const modes = [variant("packed", "default", {}), variant("exact", "default", {})];
  if (backend === "cpu") return modes;
  return [
    ...modes,
    variant("exact", "f32 keys and values", { kvType: "f32" }),
    ...Object.entries(packedChanges).map(([name, changes]) => variant("packed", name, changes)),
  ];
}
