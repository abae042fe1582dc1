/** An adapter on its base: the base's configuration and tensors as they are once it is merged. */
import { type ByteSource, quote } from "../files/byte-source.ts";
import type { AdaptedFolder } from "./adapted-folder.ts";
import type { AdapterConfig } from "./adapter-config.ts";
import { PartReader } from "./adapter-parts.ts";
import { type AdapterTensors, sortAdapterTensors } from "./adapter-tensors.ts";
import type { CheckpointTensor } from "./checkpoint-tensor.ts";
import { type JsonObject, own } from "./json.ts";
import { refuse } from "./refuse.ts";
import { readSafetensorsHeader } from "./safetensors.ts";
import { readTorchFile } from "./torch-file.ts";

/** What a classifier lacks of the causal language model that it was made of. */
const LANGUAGE_MODEL_HEAD = "lm_head.weight";
const EMBEDDINGS = /(?:^|\.)embed_tokens\.weight$/;

/** An open adapter. */
export class Adapter {
  readonly config: AdapterConfig;
  /** The file of its tensors, and its name in the folder. The checkpoint closes it. */
  readonly file: ByteSource;
  readonly fileName: string;
  readonly #name: string;
  readonly #tensors: AdapterTensors;

  private constructor(folder: AdaptedFolder, file: ByteSource, tensors: AdapterTensors) {
    this.config = folder.adapter.config;
    this.fileName = folder.adapter.weights;
    this.file = file;
    this.#name = folder.name;
    this.#tensors = tensors;
  }

  /** @throws FileError ERR_FILE_NOT_READABLE or ERR_INVALID_CHECKPOINT */
  static async open(folder: AdaptedFolder): Promise<Adapter> {
    const { config, weights: fileName } = folder.adapter;
    const file = await folder.open(fileName);
    try {
      const entries = await (fileName.endsWith(".safetensors") ? readSafetensorsHeader(file) : readTorchFile(file));
      const tensors = entries.map((entry) => ({ ...entry, file: folder.pathOf(fileName), fileName }));
      return new Adapter(folder, file, sortAdapterTensors(tensors, config));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The base's config.json with the class that the adapter was trained in, its name, and the size of its vocabulary. */
  configOf(base: JsonObject): JsonObject {
    const architectures = own(base, "architectures");
    const [first] = Array.isArray(architectures) ? (architectures as unknown[]) : [];
    const family = typeof first === "string" ? /^(.+?)(?:For[A-Z]\w*|Model)$/.exec(first)?.[1] : undefined;
    const classifier = this.config.baseClass ?? (family && `${family}ForSequenceClassification`);
    const embeddings = [...this.#tensors.replaced].find(([name]) => EMBEDDINGS.test(name))?.[1];
    return {
      ...base,
      _name_or_path: this.#name,
      ...(this.#isClassifier && classifier ? { architectures: [classifier] } : {}),
      ...(embeddings === undefined ? {} : { vocab_size: embeddings.shape[0] }),
    };
  }

  /**
   * @returns the base's tensors with the adapter's, and sentences for the user
   * @throws FileError ERR_INVALID_CHECKPOINT where the two do not fit each other
   */
  tensorsOf(base: ReadonlyMap<string, CheckpointTensor>) {
    const tensors = new Map(base);
    const notices: string[] = [];
    if (this.#isClassifier && tensors.delete(LANGUAGE_MODEL_HEAD))
      notices.push(`the base's ${LANGUAGE_MODEL_HEAD} is left out: a classifier has none`);
    for (const [name, tensor] of this.#tensors.replaced) {
      const known = baseName(tensors, name);
      const before = tensors.get(known);
      if (before !== undefined) checkReplacement(before, tensor);
      tensors.set(known, { ...tensor, name: known });
    }
    const reader = new PartReader(this.file);
    for (const part of this.#tensors.parts) {
      const stored = tensors.get(baseName(tensors, `${part.module}.weight`));
      if (stored === undefined)
        throw refuse(part.a.file, `adapts the module ${quote(part.module)}, which the base does not have.`, {
          tensor: part.a.name,
        });
      if (stored.change !== undefined)
        throw refuse(part.a.file, `adapts the module ${quote(part.module)} twice.`, { tensor: part.a.name });
      tensors.set(stored.name, reader.merged(stored, part, this.config));
    }
    notices.push(...this.#checkTargets(base));
    if (this.config.fanInFanOut) notices.push("fan_in_fan_out is ignored, as PEFT does for linear layers");
    return { tensors, notices };
  }

  get #isClassifier(): boolean {
    const { taskType, baseClass } = this.config;
    return taskType === "SEQ_CLS" || baseClass?.endsWith("ForSequenceClassification") === true;
  }

  /** A file that lost a part would give another model. @returns sentences about targets without any part */
  #checkTargets(base: ReadonlyMap<string, CheckpointTensor>): string[] {
    const { targetModules, isPartial, file } = this.config;
    const adapted = new Set(this.#tensors.parts.map(({ module }) => baseName(base, `${module}.weight`)));
    const notices: string[] = [];
    for (const target of targetModules) {
      const wanted = [...base.keys()].filter((name) => `.${name}`.endsWith(`.${target}.weight`));
      const [missing, ...more] = wanted.filter((name) => !adapted.has(name));
      if (more.length + 1 >= wanted.length && (missing !== undefined || wanted.length === 0))
        notices.push(`the target module ${quote(target)} has no part in the adapter`);
      else if (missing !== undefined && !isPartial)
        throw refuse(
          file,
          `names the target module ${quote(target)}, but the adapter has no part for ${quote(missing)}.`,
          {
            field: "target_modules",
          },
        );
    }
    return notices;
  }
}

/** Classes put their trunk under different names, or under none. */
function baseName(tensors: ReadonlyMap<string, CheckpointTensor>, name: string): string {
  const bare = name.replace(/^(?:model|transformer)\./, "");
  const names = [name, bare, `model.${bare}`, `transformer.${bare}`, `model.${name}`];
  return names.find((other) => tensors.has(other)) ?? name;
}

/** Embeddings may have another number of rows, and so may what is outside the layers, such as a head. */
function checkReplacement(before: CheckpointTensor, after: CheckpointTensor): void {
  const [isLayer, isMatrix] = [/(?:^|\.)layers\./.test(before.name), before.shape.length === 2];
  const ofSameShape = before.shape.join() === after.shape.join();
  const fits = !isLayer && isMatrix && after.shape.length === 2 && before.shape[1] === after.shape[1];
  if (ofSameShape || fits) return;
  throw refuse(
    after.file,
    `gives the tensor ${quote(after.name)} the shape [${after.shape.join(", ")}]; the base's has [${before.shape.join(", ")}].`,
    { tensor: after.name },
  );
}
