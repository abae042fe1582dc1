import { describe, expect, it } from "vitest";
import { parseRepository } from "../../src/hub/address.ts";
import { knownModels } from "../../src/known-models.ts";
import { nearestModels } from "../../src/profiles/nearest-models.ts";
import { PROFILE_NAMES } from "../../src/profiles/profiles.ts";

describe("knownModels", () => {
  const known = knownModels();

  it("names each model once, and every number with its source", () => {
    const names = known.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, repository, profile, goodFor, rewardBench, rewardBench2 } of known) {
      expect(name).toMatch(/^[a-z0-9][a-z0-9.-]*$/);
      expect(repository).toMatch(/^[\w.-]+\/[\w.-]+$/);
      expect(PROFILE_NAMES).toContain(profile);
      expect(goodFor).toMatch(/\.$/);
      for (const number of [rewardBench, rewardBench2])
        if (number !== undefined)
          expect([number.value > 50 && number.value < 100, number.source.length > 10]).toEqual([true, true]);
    }
  });

  it("computes sizes from the published shapes", () => {
    const find = (name: string) => known.find((model) => model.name === name);
    // Llama 3.1 has 8.03 billion weights, half a billion of them in the output layer that a reward model does not have.
    expect(find("skywork-v2-llama-3.1-8b")?.parameters).toBe(7_504_924_672);
    const big = find("starling-rm-34b");
    expect(big?.parameters).toBeGreaterThan(33.9e9);
    expect(big?.size).toBeGreaterThan(19e9);
    expect(big?.size).toBeLessThan(22e9);
    expect(big?.memory).toBeGreaterThan(big?.size ?? 0);
    expect(knownModels({ type: "f16" })[0]?.size).toBeGreaterThan(67e9);
    expect(() => knownModels({ type: "q9" })).toThrow(/q9/);
  });

  it("has names that the hub's commands know, in any case and with a revision", () => {
    expect(parseRepository("hf:athene-rm-8b")).toEqual({ id: "Nexusflow/Athene-RM-8B", revision: "main" });
    expect(parseRepository("Athene-RM-8B@abc")).toEqual({ id: "Nexusflow/Athene-RM-8B", revision: "abc" });
    expect(() => parseRepository("no-such-model")).toThrow(/Expected OWNER\/NAME/);
  });

  it.each([
    ["starling-rm-43b", "starling-rm-34b"],
    ["Starling34B", "starling-rm-34b"],
    ["athena-rm-8b", "athene-rm-8b"],
    ["skywork-v2-qwen-8b", "skywork-v2-qwen3-8b"],
    ["skyworkv2-lama-3.2-3b", "skywork-v2-llama-3.2-3b"],
    ["Skywork-Reward-V2-Qwen3-8", "skywork-v2-qwen3-8b"],
    ["Nexusflow/Athene-RM-8", "athene-rm-8b"],
    ["ziya", "ziya-7b-reward"],
    ["grm", "grm-llama3-8b"],
    ["no-such-model", undefined],
    ["gpt2", undefined],
    ["a", undefined],
    ["", undefined],
  ])("knows which name %j may mean", (mistyped, name) => {
    expect(nearestModels(mistyped)[0]).toBe(name);
    expect(nearestModels(mistyped).length).toBeLessThan(4);
  });
});
