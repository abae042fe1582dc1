// Which of our own kernels this processor has, and the bits of a product with the AVX2 kernel where it has that one. Run by
// processors.test.ts as `node processors-child.cjs ADDON`.
const { createHash } = require("node:crypto");

async function main([path]) {
  const addon = require(path);
  const kernels = addon.prefillKernels();
  const hashes = {};
  if (kernels.gemm.includes("avx2"))
    for (const [type, bytes] of [
      [12, 144],
      [8, 34 * 8],
      [1, 512],
    ]) {
      const options = { kernel: "avx2", type, columns: 256, rows: 33, tokens: 7, parts: 1, repetitions: 1 };
      // 0x2e2e is 0.1 as a float16.
      const weights = new Uint8Array(33 * bytes).map((_, i) => (i % 7 < 5 ? 0x2e : 0x20 + (i % 16)));
      const input = Float32Array.from({ length: 7 * 256 }, (_, i) => ((i * 7919) % 1013) / 500 - 1);
      const { products } = await addon.prefillMultiply(options, weights, input);
      hashes[type] = createHash("sha256").update(products).digest("hex");
    }
  process.stdout.write(JSON.stringify({ gemm: kernels.gemm, attention: kernels.attention, hashes }));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
