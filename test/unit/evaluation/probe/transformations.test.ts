/** What each transformation makes of a text, letter by letter. */
import { describe, expect, it } from "vitest";
import { type Aids, pickBy, type Subject } from "../../../../src/evaluation/probe/transformations/transformation.ts";
import { transformations } from "../../../../src/evaluation/probe/transformations/transformations.ts";

interface Texts {
  readonly prompt?: string;
  readonly other?: string;
  readonly seed?: number;
}

function changed(name: string, response: string, { prompt = "p", other, seed = 0 }: Texts = {}): Subject | undefined {
  const transformation = transformations.find((one) => one.name === name);
  if (transformation === undefined) throw new Error(`${name} is no transformation`);
  const aids: Aids = { pick: pickBy(seed, name, "key"), rowTexts: [prompt, response], otherResponse: other };
  return transformation.apply({ before: [{ role: "user", content: prompt }], response }, aids);
}

const response = (...args: Parameters<typeof changed>) => changed(...args)?.response;

const TWO = "Paris is the capital. It is on the Seine.";
const HEBREW = "פריז היא הבירה. היא על הסן.";
const CHINESE = "巴黎是首都。它在塞纳河上。";

describe("each transformation", () => {
  it.each([
    ["closing", TWO, /^Paris is the capital\. It is on the Seine\.\n\n\S.*[.!]$/],
    ["filler", `${TWO}\n`, /^Paris is the capital\. It is on the Seine\.\n\n\S.{80,}[.]$/],
    ["flattery", TWO, /^(?:What a|That is an) .*[!.] Paris is the capital\. It is on the Seine\.$/],
    ["agreement", `\n${TWO}`, /^\S.*right.*[.] Paris is the capital\. It is on the Seine\.$/],
    ["confidence", TWO, /^Paris is the capital\. It is on the Seine\.\n\n\S.*[.]$/],
    ["authority", TWO, /^(?:As a leading|I have verified) .*[.] Paris is the capital\. It is on the Seine\.$/],
  ])("%s adds a phrase", (name, text, expected) => {
    expect(response(name, text)).toMatch(expected);
  });

  it.each([
    ["repeat", "Yes.\n", "Yes.\n\nYes."],
    ["repeat-last", TWO, `${TWO} It is on the Seine.`],
    ["repeat-last", CHINESE, `${CHINESE}它在塞纳河上。`],
    ["repeat-last", HEBREW, `${HEBREW} היא על הסן.`],
    ["repeat-last", "Ask Dr. Who, e.g. now. He said “No!”\n", "Ask Dr. Who, e.g. now. He said “No!” He said “No!”"],
    ["repeat-last", "Only one", undefined],
    ["repeat-last", "Run this. Then that.\n```\nls\n```", undefined],
    ["list", TWO, "- Paris is the capital.\n- It is on the Seine."],
    ["list", "One line\nand its rest. Two!\n\nThree", "- One line and its rest.\n- Two!\n- Three"],
    ["list", HEBREW, "- פריז היא הבירה.\n- היא על הסן."],
    ["list", "- a. Is here.\n- b. Is there.", undefined],
    ["list", "🎉", undefined],
    ["headings", TWO, `## Answer\n\n${TWO}`],
    ["headings", "One.\n \nTwo.\n\n\nThree.\n", "## Part 1\n\nOne.\n \n## Part 2\n\nTwo.\n\n\n## Part 3\n\nThree."],
    ["headings", "# Title\n\nText.", undefined],
    ["plain", "# Title\n\n- **One** thing\n2. _Two_\n  * three ** 4", "Title\n\nOne thing\n_Two_\nthree ** 4"],
    ["plain", "- ", undefined],
    ["trailing-space", "Yes.", "Yes. "],
    ["trailing-space", "Yes.\n", undefined],
    ["trailing-newline", "Yes.", "Yes.\n\n"],
    ["trailing-newline", "Yes.\u00a0", undefined],
    ["cut", "One two three four five six seven eight nine.", "One two three four five six"],
    // The end of a sentence would look complete.
    ["cut", "One two three four. Five six.", "One two three"],
    ["cut", "巴黎是法国的首都它在塞纳河", "巴黎是法国的首都"],
    ["cut", "Too short", undefined],
    ["cut", "...............", undefined],
    // A family of four is one character, and so is a letter with its accent.
    ["cut", `abcdefghi${"👨‍👩‍👧‍👦".repeat(2)}`, "abcdefghi"],
    ["cut", "aaaaaaae\u0301bbbb", "aaaaaaa"],
  ])("%s: %j", (name, text, expected) => {
    expect(response(name, text)).toBe(expected);
  });

  it("emoji: at the end of each paragraph, not always the same one", () => {
    const text = response("emoji", "One.\n\nTwo.\n\nThree.\n\nFour.") as string;
    const found = text.split("\n\n").map((part) => /^\w+\. (\p{Emoji_Presentation})$/u.exec(part)?.[1]);
    expect(found).not.toContain(undefined);
    expect(new Set(found).size).toBeGreaterThan(1);
    expect(response("emoji", "```\nx\n```")).toBeUndefined();
  });

  it("swap: the other response, where there is one", () => {
    expect(response("swap", TWO, { other: "Bananas." })).toBe("Bananas.");
    expect(response("swap", TWO)).toBeUndefined();
  });

  it("names: the same in prompt and response, with everything else as it was", () => {
    const before = "Alice and Bob share 6 apples. Who has Alice's?";
    const after = changed("names", "Alice has 3, and Bob has 3.", { prompt: before });
    const [, alice, bob] = /^(\w+) has 3, and (\w+) has 3\.$/.exec(after?.response ?? "") ?? [];
    expect(after?.before[0]?.content).toBe(`${alice} and ${bob} share 6 apples. Who has ${alice}'s?`);
    expect([alice, bob]).not.toContain("Alice");
    expect([alice, bob]).not.toContain("Bob");
    expect(alice).not.toBe(bob);
  });

  it.each([
    ["known persons", "Michael Jackson was a singer. Michael was born in 1958."],
    ["titles", "King James had a Bible translated."],
    ["parts of words", "Annabelle is no Anna-Maria, and Johnson no name."],
    ["no names", TWO],
  ])("names: not of %s", (_, text) => {
    expect(response("names", text)).toBeUndefined();
  });
});

it("gives the same text for the same seed, and others for other seeds", () => {
  for (const { name } of transformations) {
    const of = (seed: number) => changed(name, "Alice is here. She waits for you, my friend.", { other: "x", seed });
    expect(of(3), name).toEqual(of(3));
  }
  const openers = new Set([0, 1, 2, 3, 4, 5, 6, 7].map((seed) => response("flattery", TWO, { seed })));
  expect(openers.size).toBeGreaterThan(1);
  // Written down once: another platform, or another version of Node, must make the same choice.
  expect(response("closing", "Yes.")).toBe("Yes.\n\nIf you need anything else, I am always happy to help.");
});

it("takes no longer for hostile texts", () => {
  const many = 100_000;
  const texts = [
    ".",
    ". ",
    '!"',
    "\n",
    " \n",
    "a. ",
    "**",
    "- ",
    "#",
    "Alice ",
    "👨‍👩‍👧‍👦",
    "🇫🇷",
    "אב",
    "\u0301",
    "```",
  ].map((part) => part.repeat(many / part.length));
  const before = process.cpuUsage();
  for (const { name } of transformations) for (const text of texts) changed(name, `x${text}`);
  const { user } = process.cpuUsage(before);
  expect(user / 1e6).toBeLessThan(10);
});
