/** The tensors of an adapter, by the module of the base that each belongs to. */
import { quote } from "../files/byte-source.ts";
import type { AdapterConfig } from "./adapter-config.ts";
import type { CheckpointTensor } from "./checkpoint-tensor.ts";
import { refuse } from "./refuse.ts";

/** What an adapter holds for one module. */
export interface ModulePart {
  /** As PEFT names it: "model.layers.0.self_attn.q_proj". */
  readonly module: string;
  readonly a: CheckpointTensor;
  readonly b: CheckpointTensor;
  /** A and B as PEFT has them for embeddings: B·A is the transpose of the difference. */
  readonly isEmbedding: boolean;
  readonly magnitudes?: CheckpointTensor;
}

export interface AdapterTensors {
  readonly parts: readonly ModulePart[];
  /** Whole tensors in place of the base's: heads, biases, resized embeddings. By their names in the base. */
  readonly replaced: ReadonlyMap<string, CheckpointTensor>;
}

/** PEFT's class, and the model inside it. */
const PREFIX = /^(?:base_model\.model\.|base_model\.)/;
/** A name that PEFT takes out when it saves; older versions, and other programs, left it in. */
const ADAPTER_NAME = /\.default(?=\.|$)/;
const PART = /^(.+)\.lora_(A|B|embedding_A|embedding_B|magnitude_vector)(?:\.weight)?$/;

type Role = "A" | "B" | "embedding_A" | "embedding_B" | "magnitude_vector";

/** @throws FileError ERR_INVALID_CHECKPOINT for a tensor that is not understood, or a part without its counterpart */
export function sortAdapterTensors(tensors: readonly CheckpointTensor[], config: AdapterConfig): AdapterTensors {
  const found = new Map<string, Map<Role, CheckpointTensor>>();
  const replaced = new Map<string, CheckpointTensor>();
  for (const tensor of tensors) {
    const name = tensor.name.replace(PREFIX, "").replace(ADAPTER_NAME, "");
    const [, module, role] = PART.exec(name) ?? [];
    if (module === undefined) replaced.set(replacedName(name, tensor), tensor);
    else {
      const roles = found.get(module) ?? new Map<Role, CheckpointTensor>();
      if (roles.has(role as Role)) throw notUnderstood(tensor, "is there twice");
      found.set(module, roles.set(role as Role, tensor));
    }
  }
  const parts = [...found].map(([module, roles]) => partOf(module, roles, config));
  if (parts.length + replaced.size === 0) throw refuse(config.file, "describes an adapter that has no tensor.");
  return { parts, replaced };
}

function replacedName(name: string, tensor: CheckpointTensor): string {
  if (/\blora_/.test(name)) throw notUnderstood(tensor, "is of a kind that is not merged");
  return name.replace(/\.(?:modules_to_save|base_layer)(?=\.)/, "");
}

function partOf(module: string, roles: ReadonlyMap<Role, CheckpointTensor>, config: AdapterConfig): ModulePart {
  const isEmbedding = roles.has("embedding_A") || roles.has("embedding_B");
  const [first, second] = isEmbedding ? (["embedding_A", "embedding_B"] as const) : (["A", "B"] as const);
  const [a, b, magnitudes] = [roles.get(first), roles.get(second), roles.get("magnitude_vector")];
  const [some] = roles.values();
  if (a === undefined || b === undefined)
    throw notUnderstood(some as CheckpointTensor, `has no lora_${a === undefined ? first : second} beside it`);
  if ((magnitudes !== undefined) !== config.useDora)
    throw notUnderstood(
      a,
      magnitudes === undefined ? "has no magnitudes, but use_dora is set" : "has magnitudes without use_dora",
    );
  if (isEmbedding && magnitudes !== undefined) throw notUnderstood(a, "is DoRA of embeddings, which is not merged");
  return { module, a, b, isEmbedding, ...(magnitudes === undefined ? {} : { magnitudes }) };
}

function notUnderstood(tensor: CheckpointTensor, why: string) {
  return refuse(tensor.file, `contains the tensor ${quote(tensor.name)}, which ${why}.`, { tensor: tensor.name });
}
