/** The metadata of a reward model whose trunk is somebody else's GGUF. */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { STARLING_KEYS } from "../gguf/starling-keys.ts";
import type { GgufValue } from "../gguf/value.ts";
import { buildMetadata, type MetadataParts } from "./metadata.ts";

const FILE_TYPE = "general.file_type";
const ALIGNMENT = "general.alignment";
/** Who made the file, and how: kept. Everything else is what `convert` would write. */
const KEPT =
  /^(?:quantize\.imatrix\.\w+|general\.(?:quantized_by|basename|size_label|finetune|version|author|organization|url|repo_url))$/;

/** What `convert` writes for the checkpoint, with what is the file's own: its weight types, and who made them. */
export function attachedMetadata(
  gguf: GgufHeader,
  checkpoint: Checkpoint,
  parts: Omit<MetadataParts, "fileType">,
): Map<string, GgufValue> {
  const fileType = gguf.metadata.get(FILE_TYPE);
  const isKnown = fileType?.type === "u32";
  const metadata = buildMetadata(checkpoint, { ...parts, fileType: isKnown ? fileType.value : 0 });
  if (!isKnown) metadata.delete(FILE_TYPE);
  // Nobody has read all of the checkpoint.
  metadata.delete(STARLING_KEYS.sourceSha256);
  metadata.delete(STARLING_KEYS.trunkSha256);
  const trunk = gguf.metadata.get(STARLING_KEYS.trunkSha256);
  if (trunk !== undefined) metadata.set(STARLING_KEYS.trunkSha256, trunk);
  for (const [key, value] of gguf.metadata)
    if ((KEPT.test(key) && !metadata.has(key)) || key === ALIGNMENT) metadata.set(key, value);
  return metadata;
}
