/** Public data sets as they are published, from file to accuracy, against the raw numbers that `score` prints. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { file, folder, jsonLines, parseLines, run, tiny } from "./run-cli.ts";

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const TOPICS = ["rain", "bread", "the sea", "a bird"];
const good = (topic: string) => `About ${topic}: it is a question with an answer.`;
const bad = (topic: string) => `${topic}? No idea.`;

interface Sample {
  readonly file: string;
  readonly adapter: string;
  /** Better and worse conversation, in the order of the cases, written by hand. */
  readonly pairs: readonly (readonly [readonly object[], readonly object[]])[];
}

const pairs = (before: (topic: string) => object[]) =>
  TOPICS.map(
    (topic) =>
      [
        [...before(topic), assistant(good(topic))],
        [...before(topic), assistant(bad(topic))],
      ] as const,
  );
const once = (topic: string) => [user(`Tell me of ${topic}.`)];
const twice = (topic: string) => [user("Hello"), assistant("Hello!"), ...once(topic)];
/** Every second row has the better response second. */
const isFirst = (i: number) => i % 2 === 0;
const sides = (topic: string, i: number) => (isFirst(i) ? [good(topic), bad(topic)] : [bad(topic), good(topic)]);

const samples: readonly Sample[] = [
  {
    adapter: "hh-rlhf",
    file: file(
      "hh.jsonl",
      jsonLines(
        TOPICS.map((topic) => {
          const start = `\n\nHuman: Hello\n\nAssistant: Hello!\n\nHuman: Tell me of ${topic}.\n\nAssistant: `;
          return { chosen: start + good(topic), rejected: start + bad(topic) };
        }),
      ),
    ),
    pairs: pairs(twice),
  },
  {
    adapter: "helpsteer2",
    file: file(
      "helpsteer2.jsonl",
      jsonLines(
        TOPICS.map((topic, i) => {
          const [response_1, response_2] = sides(topic, i);
          return { prompt: `Tell me of ${topic}.`, response_1, response_2, preference_strength: isFirst(i) ? -2 : 1 };
        }),
      ),
    ),
    pairs: pairs(once),
  },
  {
    adapter: "shp",
    file: file(
      "shp.jsonl",
      jsonLines(
        TOPICS.map((topic, i) => {
          const [human_ref_A, human_ref_B] = sides(topic, i);
          return { history: `Tell me of ${topic}.`, human_ref_A, human_ref_B, labels: isFirst(i) ? 1 : 0 };
        }),
      ),
    ),
    pairs: pairs(once),
  },
  {
    adapter: "arena-55k",
    file: file(
      "train.csv",
      [
        "id,model_a,model_b,prompt,response_a,response_b,winner_model_a,winner_model_b,winner_tie",
        ...TOPICS.map((topic, i) => {
          const cells = [[`Hello`, `Tell me of ${topic}.`], ...sides(topic, i).map((text) => ["Hello!", text])];
          const texts = cells.map((cell) => `"${JSON.stringify(cell).replaceAll('"', '""')}"`).join(",");
          return `${i},m,n,${texts},${isFirst(i) ? "1,0,0" : "0,1,0"}`;
        }),
        `9,m,n,"[""q""]","[""a""]","[""b""]",0,0,1`,
        "",
      ].join("\n"),
    ),
    pairs: pairs(twice),
  },
  {
    adapter: "oasst-messages",
    file: file(
      "messages.jsonl",
      jsonLines(
        TOPICS.flatMap((topic, i) => [
          { message_id: `p${i}`, parent_id: null, role: "prompter", text: `Tell me of ${topic}.`, rank: null },
          ...sides(topic, i).map((text, j) => ({
            ...{ message_id: `r${i}${j}`, parent_id: `p${i}`, role: "assistant", text },
            rank: text === good(topic) ? 0 : 1,
          })),
        ]),
      ),
    ),
    pairs: pairs(once),
  },
];

describe("eval pairs", () => {
  it("gives the accuracy that score's raw numbers give, for each layout", async () => {
    const output = join(folder, "published");
    const inputs = samples.flatMap((sample) => ["--input", sample.file]);
    const evaluated = await run(["eval", "pairs", ...inputs, "--json", "--output", output, "--no-cache", ...tiny]);
    expect(evaluated.code).toBe(0);
    const report = JSON.parse(evaluated.stdout).benchmarks[0];
    expect(report.sources.map(({ adapter }: { adapter: string }) => adapter)).toEqual(
      samples.map(({ adapter }) => adapter),
    );
    expect(report.rows).toMatchObject({ cases: 20, broken: 0, omitted: { tie: 1 } });
    expect(evaluated.stderr).toContain("reading the rows as HelpSteer2 preference (helpsteer2)");

    const items = samples.flatMap((sample) => sample.pairs.flat());
    const raw = await run([
      "score",
      "--input",
      file("items.jsonl", jsonLines(items.map((messages) => ({ messages })))),
      ...tiny,
    ]);
    const scores = parseLines(raw.stdout).map(({ score }) => score as number);
    expect(scores).toHaveLength(40);
    const wins = scores.flatMap((score, i) => (i % 2 === 0 ? [score > (scores[i + 1] as number)] : []));
    expect(report.accuracy).toBeCloseTo(wins.filter(Boolean).length / wins.length, 12);
    // Per file, so that one that is read the wrong way round is not made good by another.
    const cases = parseLines(readFileSync(join(output, "scores.jsonl"), "utf8")) as unknown as {
      readonly source: number;
      readonly scores: readonly number[];
      readonly comparisons: readonly { readonly better: number; readonly worse: number }[];
    }[];
    const found = cases.map(({ scores: own, comparisons: [one] }) => [own[one?.better ?? -1], own[one?.worse ?? -1]]);
    expect(found).toEqual(wins.map((_, i) => [scores[2 * i], scores[2 * i + 1]]));
  });

  it("names the layout in its table, breaks down by the fields of the rows, and lists the adapters", async () => {
    const rows = [-1, 2, 0].map((overall_preference, i) => ({
      ...{ domain: i === 0 ? "code" : "general", language: "english", context: [user("q")] },
      ...{ response1: "Yes, of course.", response2: "no", overall_preference },
    }));
    const input = file("helpsteer3.jsonl", jsonLines(rows));
    const { code, stdout } = await run(["eval", "pairs", "--input", input, "--by", "domain", ...tiny]);
    expect(code).toBe(0);
    expect(stdout).toContain("pairs: Read as HelpSteer3 preference.");
    expect(stdout).toMatch(/1 of 3 rows skipped\s+\(tie 1\)/);
    expect(stdout).toMatch(/code +1 /);
    const list = await run(["eval", "pairs", "--adapter", "list"]);
    const others = [["probe"], ["fit"], ["compare", "tiny", "tiny"]];
    for (const command of others) expect(await run([...command, "--adapter", "list"])).toEqual(list);
    expect(list.code).toBe(0);
    expect(list.stdout).toMatch(/^helpsteer3 +HelpSteer3 preference: /m);
  });

  it("refuses a file that fits no layout with one sentence, and scores nothing", async () => {
    const input = file("other.jsonl", jsonLines([{ prompt: "p", response_a: "x", response_b: "y", label: 1 }]));
    const { code, stdout, stderr } = await run(["eval", "pairs", "--input", input, ...tiny]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toContain("--adapter two-responses:0..1");
    const other = await run(["eval", "human", "--input", input, "--adapter", "shp", ...tiny]);
    expect(other).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--adapter says how the data of pairs is read"),
    });
  });
});
