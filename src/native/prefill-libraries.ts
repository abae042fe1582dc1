/**
 * SHA-256 of llama.cpp's CPU libraries that our prefill kernels were made for: all of the pinned packages for Linux on x86-64.
 * The kernels reach into private parts of these libraries, so no others will do. `npm run bump-llama` writes the list.
 */
export const PREFILL_LIBRARIES: ReadonlySet<string> = new Set([
  "1a9d8718e725c19bd2e9a2c58286c2164572a00eff397cc3a746c76e7e2fe364",
  "34f03e1df8c7076cff77e4512f8e6a6e2b613a779ef6560b58eaf65f8721e695",
  "3e083fe7d5eaef3f2426b80aa50639484ce8b0ade2b9f8d16fc1321456761b91",
  "3e6b749e7f49d4a713a92156d25d7678163d46e8083ac63535c9499611fb2516",
  "486aa8a2c058387f0019e00931175d0b1b0a3b023cae3604427442506b3231ac",
  "4d3f861530b860f39e7a4856d42ae9134def255ef201078f890ae75e1b27cbfe",
  "74d65c3926a1914588332d9bc7583f8a29666ff06ee34605604d2759b65f03f8",
  "9855c4a776fe65b907eb3a2552f69d49bad692f9bd09709d0ee09773f3ed1cd9",
  "a1ebbca4d2eef11b8e4b57e43b7a431bddb7e0a28a1c50b7183d053a69d60c81",
  "bd2de057baaf343ec9fdabf2623de97f1f29aff7a8bd6e9b25f291f8af699bd0",
  "d101750f42c2ebc68ec4423645c7f167c6b84834743776f2074297a146924699",
  "d23438b7bcc20dd0fc25ad82feb2bd9bc354cbd225a1c1ec6009d8ec142faaaa",
  "dc2ad4e366258cb8e94ab5923c0febcba81136a1b6a91ae08d8382764459bb2e",
  "e515aa4e0ea19c7bca544536db03b17ca6ad4ee24d8bf5dd9ea6f9c18bb9e135",
]);
