/** Bounds of whole-number options, for the library's checks and the command line's. */

/** llama.cpp's GGML_MAX_N_THREADS. */
export const MAX_THREADS = 512;
/** No Llama has this many layers. */
export const MAX_LAYERS = 1_000;
/** Far above any useful batch; keeps buffers that grow with the batch within a few GiB. */
export const MAX_BATCH_TOKENS = 65_536;
/** Devices that llama.cpp's scheduler can use beside the processor: one less than GGML_SCHED_MAX_BACKENDS. */
export const MAX_DEVICES = 15;
/** Rows that a sample of a benchmark can have. */
export const MAX_SAMPLE_ROWS = 10_000_000;
/** Seeds are numbers that every program can write. */
export const MAX_SEED = 2 ** 31 - 1;
/** Files downloaded at the same time; more do not make a connection faster. */
export const MAX_DOWNLOADS = 16;
