/** The demonstration model that ships with the package, converted to GGUF on first use. */
export interface EmbeddedModelOptions {
  /** Default: "f16". */
  readonly type?: string;
  /** Default: $STARLING_RM_CACHE, else the user's cache folder. */
  readonly cacheFolder?: string;
  readonly signal?: AbortSignal;
}

/** Path of the embedded model's GGUF; made on first use. A demonstration, not Starling-RM-34B. */
export async function embeddedModelPath(options: EmbeddedModelOptions = {}): Promise<string> {
  throw new Error(`not written yet ${options}`);
}
