/** What only some outputs need, and is loaded with them. */
export { sourceColumns } from "./source-columns.ts";
export { ParquetFile } from "./write-parquet.ts";
export { zstdChunks } from "./zstd-chunks.ts";
