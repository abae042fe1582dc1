/** A handful of rows in the schema of each public data set, and what they must be compared as. */

export interface Published {
  readonly what: string;
  /** JSON lines, or the text of a CSV file. */
  readonly rows: readonly unknown[] | string;
  /** The adapter that reads it. */
  readonly adapter: string;
  /** Its name, where it must be given. */
  readonly by?: string;
  /** "prompt: better > worse", in order. */
  readonly wins: readonly string[];
  readonly omitted?: Readonly<Record<string, number>>;
}

const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: unknown) => ({ role: "assistant", content });
const part = (text: string) => [{ type: "text", text, image: null, mimeType: null }];
const v1 = (role: string, ...texts: string[]) => ({
  role,
  content: texts.map((value) => ({ type: "text", value })),
  loss_weight: 0,
});
const vote = (winner: string, more: object = {}) => ({
  question_id: "1",
  model_a: "heron",
  model_b: "wren",
  winner,
  conversation_a: [user("q1"), assistant("a1"), user("q2"), assistant("a2")],
  conversation_b: [user("q1"), assistant("b1"), user("q2"), assistant("b2")],
  ...more,
});

function rating(id: string, worker: string, text: string, overall: number | null): object {
  const info = { id, post: id, title: "T", subreddit: "tifu", site: null, article: null };
  return { info, summary: { text, policy: "sup1", note: null, axes: { overall, accuracy: 7 } }, worker, batch: "b" };
}

export const published: readonly Published[] = [
  {
    what: "hh-rlhf: two transcripts, some without an answer or with other turns before it",
    rows: [
      {
        chosen: "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Why?\n\nAssistant: So.",
        rejected: "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Why?\n\nAssistant: No.",
      },
      { chosen: "\n\nHuman: Hi\n\nAssistant: Good.", rejected: "\n\nHuman: Hi\n\nAssistant:" },
      {
        chosen: "\n\nHuman: Hi\n\nAssistant: A\n\nHuman: x\n\nAssistant: B",
        rejected: "\n\nHuman: Hi\n\nAssistant: C",
      },
      { chosen: "\n\nHuman: Hi\n\nAssistant: Same", rejected: "\n\nHuman: Hi\n\nAssistant: Same" },
    ],
    adapter: "hh-rlhf",
    wins: ["Hi / Yes? / Why?: So. > No."],
    omitted: { "no answer": 1, "different prompts": 1, "same text": 1 },
  },
  {
    what: "full-hh: the transcript is the prompt",
    rows: [
      {
        prompt: "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Why?\n\nAssistant:",
        response: " So.",
        chosen: " So.",
        rejected: " No.",
      },
    ],
    adapter: "full-hh",
    wins: ["Hi / Yes? / Why?: So. > No."],
  },
  {
    what: "TRL: texts, explicit prompt",
    rows: [{ prompt: "The sky is", chosen: " blue.", rejected: " green." }],
    adapter: "pairs",
    wins: ["The sky is:  blue. >  green."],
  },
  {
    what: "TRL: texts, implicit prompt",
    rows: [{ chosen: "The sky is blue.", rejected: "The sky is green." }],
    adapter: "trl-texts",
    wins: [": The sky is blue. > The sky is green."],
  },
  {
    what: "TRL: conversations, explicit prompt",
    rows: [{ prompt: [user("What colour?")], chosen: [assistant("Blue.")], rejected: [assistant("Green.")] }],
    adapter: "pairs",
    wins: ["What colour?: Blue. > Green."],
  },
  {
    what: "TRL: conversations, implicit prompt",
    rows: [
      { chosen: [user("What colour?"), assistant("Blue.")], rejected: [user("What colour?"), assistant("Green.")] },
    ],
    adapter: "pairs",
    wins: ["What colour?: Blue. > Green."],
  },
  {
    what: "UltraFeedback binarized",
    rows: [
      {
        prompt: "p",
        prompt_id: "0",
        chosen: [user("p"), assistant("a")],
        rejected: [user("p"), assistant("b")],
        messages: [user("p"), assistant("a")],
        score_chosen: 8.5,
        score_rejected: 3,
      },
    ],
    adapter: "ultrafeedback-binarized",
    wins: ["p: a > b"],
  },
  {
    what: "UltraFeedback: completions with scores, one of them unknown",
    rows: [
      {
        source: "evol_instruct",
        instruction: "i",
        models: ["m1", "m2", "m3", "m4"],
        completions: [
          { model: "m1", response: "a", overall_score: 7, "fine-grained_score": 3, custom_system_prompt: "s" },
          { model: "m2", response: "b", overall_score: 9.5, "fine-grained_score": 5, custom_system_prompt: "s" },
          { model: "m3", response: "c", overall_score: 7, "fine-grained_score": 4, custom_system_prompt: "s" },
          { model: "m4", response: "d", overall_score: null, "fine-grained_score": null, custom_system_prompt: "s" },
        ],
        correct_answers: ["None"],
        incorrect_answers: ["None"],
      },
    ],
    adapter: "ultrafeedback",
    wins: ["i: b > a", "i: b > c"],
  },
  {
    what: "UltraFeedback: fine-grained scores, by name",
    rows: [
      {
        instruction: "i",
        completions: [
          { response: "a", overall_score: 9, "fine-grained_score": 3 },
          { response: "b", overall_score: 1, "fine-grained_score": 4 },
        ],
      },
    ],
    adapter: "ultrafeedback-fine",
    by: "ultrafeedback-fine",
    wins: ["i: b > a"],
  },
  {
    what: "HelpSteer2: a negative strength prefers response 1; prompts of several turns",
    rows: [
      {
        split: "train",
        prompt: "c#",
        response_1: "a",
        response_2: "b",
        preference_strength: -2,
        preference_statement: "@Response 1 is better",
      },
      {
        split: "train",
        prompt: "q1\n\n<extra_id_1>Assistant\na1\n\n<extra_id_1>User\nq2",
        response_1: "a",
        response_2: "b",
        preference_strength: 1,
      },
      { split: "validation", prompt: "c#", response_1: "a", response_2: "b", preference_strength: 0 },
    ],
    adapter: "helpsteer2",
    wins: ["c#: a > b", "q1 / a1 / q2: b > a"],
    omitted: { tie: 1 },
  },
  {
    what: "HelpSteer3: the context is a list of messages",
    rows: [
      {
        domain: "code",
        language: "python",
        context: [user("q1"), assistant("a1"), user("q2")],
        response1: "a",
        response2: "b",
        overall_preference: -3,
        individual_preference: [],
      },
      {
        domain: "general",
        language: "english",
        context: [user("q")],
        response1: "a",
        response2: "b",
        overall_preference: 2,
        individual_preference: [],
      },
      {
        domain: "general",
        language: "english",
        context: [user("q")],
        response1: "a",
        response2: "b",
        overall_preference: 0,
        individual_preference: [],
      },
    ],
    adapter: "helpsteer3",
    wins: ["q1 / a1 / q2: a > b", "q: b > a"],
    omitted: { tie: 1 },
  },
  {
    what: "SHP: 1 prefers A, 0 prefers B",
    rows: [
      {
        post_id: "x",
        domain: "askhr_train",
        history: "h",
        human_ref_A: "a",
        human_ref_B: "b",
        labels: 1,
        score_A: 9,
        score_B: 3,
        score_ratio: 3,
      },
      {
        post_id: "y",
        domain: "askhr_train",
        history: "h",
        human_ref_A: "a",
        human_ref_B: "b",
        labels: 0,
        score_A: 2,
        score_B: 3,
        score_ratio: 1.5,
      },
    ],
    adapter: "shp",
    wins: ["h: a > b", "h: b > a"],
  },
  {
    what: "WebGPT: scores, which may be equal",
    rows: [
      {
        question: { dataset: "eli5", id: "1", full_text: "q" },
        quotes_0: { title: [], extract: [] },
        answer_0: "a",
        tokens_0: {},
        score_0: -0.5,
        quotes_1: { title: [], extract: [] },
        answer_1: "b",
        tokens_1: {},
        score_1: 0.5,
      },
      {
        question: { dataset: "eli5", id: "1", full_text: "q" },
        quotes_0: {},
        answer_0: "a",
        score_0: 0,
        quotes_1: {},
        answer_1: "b",
        score_1: 0,
      },
    ],
    adapter: "webgpt",
    wins: ["q: b > a"],
    omitted: { tie: 1 },
  },
  {
    what: "summarize_from_feedback: the choice is an index from 0; posts and articles",
    rows: [
      {
        info: { id: "t3_1", post: "Long.", title: "T", subreddit: "tifu", site: null, article: null },
        summaries: [
          { text: " a", policy: "sup1", note: null },
          { text: " b", policy: "ref", note: null },
        ],
        choice: 1,
        worker: "w",
        batch: "batch3",
        split: "train",
      },
      {
        info: { id: "c", post: null, title: "T", subreddit: null, site: "cnn", article: "News." },
        summaries: [
          { text: "a", policy: "p" },
          { text: "b", policy: "p" },
        ],
        choice: 0,
        batch: "cnndm2",
      },
    ],
    adapter: "summarize",
    wins: ["SUBREDDIT: r/tifu\n\nTITLE: T\n\nPOST: Long.\n\nTL;DR:: b > a", "Article:\nNews.\n\nTL;DR:: a > b"],
  },
  {
    what: "summarize_from_feedback, axis: a rated summary a row; a person's ratings are compared with their own only",
    rows: [
      rating("t3_1", "w", " a", 3),
      rating("t3_2", "w", " a", 5),
      rating("t3_1", "w", " b", 6),
      rating("t3_1", "w", " c", null),
      rating("t3_1", "another", " d", 7),
    ],
    adapter: "summarize-axis",
    wins: ["SUBREDDIT: r/tifu\n\nTITLE: T\n\nPOST: t3_1\n\nTL;DR:: b > a"],
    omitted: { "the only response to its prompt": 2 },
  },
  {
    what: "OASST trees: ranks from 0, at every depth",
    rows: [
      {
        message_tree_id: "1",
        tree_state: "ready_for_export",
        prompt: {
          message_id: "1",
          text: "q1",
          role: "prompter",
          replies: [
            { message_id: "2", parent_id: "1", text: "a", role: "assistant", rank: 1, replies: [] },
            {
              message_id: "3",
              parent_id: "1",
              text: "b",
              role: "assistant",
              rank: 0,
              replies: [
                {
                  message_id: "4",
                  text: "q2",
                  role: "prompter",
                  replies: [
                    { message_id: "5", text: "c", role: "assistant", rank: 0, replies: [] },
                    { message_id: "6", text: "d", role: "assistant", rank: 1, replies: [] },
                    { message_id: "7", text: "e", role: "assistant", replies: [] },
                  ],
                },
              ],
            },
          ],
        },
      },
      { message_tree_id: "8", prompt: { message_id: "8", text: "q", role: "prompter", replies: [] } },
    ],
    adapter: "oasst-trees",
    wins: ["q1: b > a", "q1 / b / q2: c > d"],
    omitted: { "no two ranked replies": 1 },
  },
  {
    what: "OASST messages: flat rows, in any order",
    rows: [
      { message_id: "5", parent_id: "4", text: "c", role: "assistant", lang: "en", rank: 1 },
      { message_id: "1", parent_id: null, text: "q1", role: "prompter", lang: "en", rank: null },
      { message_id: "2", parent_id: "1", text: "a", role: "assistant", lang: "en", rank: 0 },
      { message_id: "3", parent_id: "1", text: "b", role: "assistant", lang: "en", rank: 1 },
      { message_id: "4", parent_id: "2", text: "q2", role: "prompter", lang: "en", rank: null },
      { message_id: "6", parent_id: "4", text: "d", role: "assistant", lang: "en", rank: 0 },
      { message_id: "7", parent_id: "6", text: "q3", role: "prompter", lang: "en", rank: null },
    ],
    adapter: "oasst-messages",
    wins: ["q1: a > b", "q1 / a / q2: d > c"],
    omitted: { "not ranked": 1 },
  },
  {
    what: "Nectar",
    rows: [
      {
        prompt: "\n\nHuman: q\n\nAssistant: ",
        answers: [
          { answer: "a", model: "m", rank: 2 },
          { answer: "b", model: "n", rank: 1 },
        ],
        turns: 1,
        num_responses: 2,
      },
    ],
    adapter: "nectar",
    wins: ["q: b > a"],
  },
  {
    what: "orca_dpo_pairs",
    rows: [
      { system: "s", question: "q", chosen: "a", rejected: "b" },
      { system: "", question: "q", chosen: "a", rejected: "b" },
    ],
    adapter: "orca-dpo",
    wins: ["s / q: a > b", "q: a > b"],
  },
  {
    what: "distilabel's orca pairs, of which some are ties",
    rows: [
      {
        system: "s",
        input: "q",
        chosen: "a",
        rejected: "b",
        generations: ["a", "b"],
        order: ["chosen", "rejected"],
        status: "unchanged",
        rating: [9, 7],
        original_chosen: "a",
        original_rejected: "b",
      },
      {
        system: "",
        input: "q",
        chosen: "b",
        rejected: "a",
        generations: ["a", "b"],
        order: ["rejected", "chosen"],
        status: "swapped",
        rating: [3, 8],
        original_chosen: "a",
        original_rejected: "b",
      },
      {
        system: "",
        input: "q",
        chosen: "a",
        rejected: "b",
        generations: ["a", "b"],
        order: ["chosen", "rejected"],
        status: "tie",
        rating: [9, 9],
        original_chosen: "a",
        original_rejected: "b",
      },
    ],
    adapter: "distilabel-orca",
    wins: ["s / q: a > b", "q: b > a"],
    omitted: { tie: 1 },
  },
  {
    what: "distilabel's chosen_response",
    rows: [
      {
        source: "flan",
        instruction: "i",
        chosen_response: "a",
        rejected_response: "b",
        chosen_avg_rating: 5,
        rejected_avg_rating: 2,
        chosen_model: "m",
      },
    ],
    adapter: "chosen-response",
    wins: ["i: a > b"],
  },
  {
    what: "distilabel's Capybara: whole conversations",
    rows: [
      {
        source: "s",
        conversation: [
          { input: "q1", output: "a1" },
          { input: "q2", output: "x" },
        ],
        original_response: "x",
        prompt: "q1 …",
        chosen: [user("q1"), assistant("a1"), user("q2"), assistant("a")],
        rejected: [user("q1"), assistant("a1"), user("q2"), assistant("b")],
        rating_chosen: 5,
        rating_rejected: 2,
      },
    ],
    adapter: "capybara-dpo",
    wins: ["q1 / a1 / q2: a > b"],
  },
  {
    what: "LLaMA-Factory, alpaca: instruction and input, joined by a line break, and a history",
    rows: [
      { instruction: "i", input: "x", chosen: "a", rejected: "b", system: "s", history: [["q1", "a1"]] },
      { instruction: "i", input: "", chosen: "a", rejected: "b" },
    ],
    adapter: "alpaca-ranking",
    wins: ["s / q1 / a1 / i\nx: a > b", "i: a > b"],
  },
  {
    what: "LLaMA-Factory, sharegpt: single messages after the conversation",
    rows: [
      {
        conversations: [
          { from: "human", value: "q1" },
          { from: "gpt", value: "a1" },
          { from: "human", value: "q2" },
        ],
        chosen: { from: "gpt", value: "a" },
        rejected: { from: "gpt", value: "b" },
      },
      {
        conversations: [{ from: "human", value: "q" }],
        chosen: { from: "gpt", value: "a" },
        rejected: { from: "gpt", value: "b" },
        system: "s",
        tools: "",
      },
    ],
    adapter: "sharegpt-pairs",
    wins: ["q1 / a1 / q2: a > b", "s / q: a > b"],
  },
  {
    what: "LLaMA-Factory, version 1: two conversations of contents in parts",
    rows: [
      {
        chosen_messages: [v1("system", "s"), v1("user", "q"), v1("assistant", "a", "b")],
        rejected_messages: [v1("system", "s"), v1("user", "q"), v1("assistant", "c")],
      },
    ],
    adapter: "llama-factory-v1",
    wins: ["s / q: ab > c"],
  },
  {
    what: "Stack Exchange paired: the answer with more votes is j",
    rows: [{ qid: 1, question: "q", date: "d", metadata: ["u"], response_j: "a", response_k: "b" }],
    adapter: "stack-exchange",
    wins: ["q: a > b"],
  },
  {
    what: "ShareGPT: lists after the conversation",
    rows: [
      {
        conversations: [{ from: "human", value: "q" }],
        chosen: [{ from: "gpt", value: "a" }],
        rejected: [{ from: "gpt", value: "b" }],
      },
    ],
    adapter: "pairs",
    wins: ["q: a > b"],
  },
  {
    what: "single messages after a prompt, also one that looks like JSON",
    rows: [{ prompt: '{"a": 1}', chosen: assistant("a"), rejected: assistant("b") }],
    adapter: "sharegpt-pairs",
    wins: ['{"a": 1}: a > b'],
  },
  {
    what: "Skywork-Reward-Preference-80K",
    rows: [{ chosen: [user("q"), assistant("a")], rejected: [user("q"), assistant("b")], source: "magpie" }],
    adapter: "skywork",
    wins: ["q: a > b"],
  },
  {
    what: "Chatbot Arena 33k: `turn` is the number of turns, and ties are of two kinds",
    rows: [
      vote("model_b", { judge: "arena_user_1", turn: 2, anony: true, language: "English", tstamp: 1 }),
      vote("tie", { judge: "arena_user_1", turn: 2, anony: true, language: "English", tstamp: 1 }),
      vote("tie (bothbad)", { judge: "arena_user_1", turn: 2, anony: true, language: "English", tstamp: 1 }),
    ],
    adapter: "arena",
    wins: ["q1 / b1 / q2 | q1 / a1 / q2: b2 > a2"],
    omitted: { tie: 1, "tie (bothbad)": 1 },
  },
  {
    what: "Chatbot Arena 140k: contents are parts, some of them images",
    rows: [
      {
        id: "1",
        model_a: "m",
        model_b: "n",
        winner: "model_a",
        evaluation_order: 1,
        conversation_a: [user(part("q")), assistant(part("a"))],
        conversation_b: [user(part("q")), assistant(part("b"))],
        full_conversation: [],
        language: "en",
        is_code: false,
      },
      {
        id: "2",
        model_a: "m",
        model_b: "n",
        winner: "both_bad",
        conversation_a: [user(part("q")), assistant(part("a"))],
        conversation_b: [user(part("q")), assistant(part("b"))],
      },
      {
        id: "3",
        model_a: "m",
        model_b: "n",
        winner: "model_b",
        conversation_a: [
          user([...part("q"), { type: "image", text: null, image: "x", mimeType: "image/png" }]),
          assistant(part("a")),
        ],
        conversation_b: [user(part("q")), assistant(part("b"))],
      },
    ],
    adapter: "arena",
    wins: ["q: a > b"],
    omitted: { both_bad: 1, "has an image or a file": 1 },
  },
  {
    what: "Chatbot Arena 55k: JSON lists of turns in CSV; unanswered turns",
    rows: [
      "id,model_a,model_b,prompt,response_a,response_b,winner_model_a,winner_model_b,winner_tie",
      '30192,m,n,"[""q1"",""q2""]","[""a1"",""a2""]","[""b1"",""b2""]",0,1,0',
      '30193,m,n,"[""q""]","[""a""]","[""b""]",1,0,0',
      '30194,m,n,"[""q""]","[""a""]","[""b""]",0,0,1',
      '30195,m,n,"[""q""]","[null]","[""b""]",0,1,0',
      "",
    ].join("\n"),
    adapter: "arena-55k",
    wins: ["q1 / b1 / q2 | q1 / a1 / q2: b2 > a2", "q: a > b"],
    omitted: { tie: 1, "no answer": 1 },
  },
  {
    what: "MT-Bench: a vote on the first turn is on the first answers",
    rows: [
      vote("model_a", { judge: "expert_1", turn: 1 }),
      vote("model_b", { judge: "expert_1", turn: 2 }),
      vote("tie", { judge: "author_1", turn: 2 }),
    ],
    adapter: "mt-bench",
    wins: ["q1: a1 > b1", "q1 / b1 / q2 | q1 / a1 / q2: b2 > a2"],
    omitted: { tie: 1 },
  },
  {
    what: "JudgeBench",
    rows: [
      {
        pair_id: "p",
        original_id: "1",
        source: "mmlu-pro",
        question: "q",
        response_model: "gpt-4o",
        response_A: "a",
        response_B: "b",
        label: "B>A",
      },
      {
        pair_id: "r",
        original_id: "1",
        source: "mmlu-pro",
        question: "q",
        response_model: "gpt-4o",
        response_A: "a",
        response_B: "b",
        label: "A>B",
      },
    ],
    adapter: "judgebench",
    wins: ["q: b > a", "q: a > b"],
  },
  {
    what: "verdicts of judges in JudgeBench's columns",
    rows: ["A<B", "B<<A", "A=B", "[[B>A]]"].map((label) => ({
      ...{ pair_id: "1", question: "q", response_A: "a", response_B: "b", label },
    })),
    adapter: "judgebench",
    wins: ["q: b > a", "q: a > b", "q: b > a"],
    omitted: { tie: 1 },
  },
  {
    what: "RM-Bench: three right and three wrong answers",
    rows: [{ id: "1", prompt: "p", chosen: ["a", "b", "c"], rejected: ["x", "y", "z"], domain: "math" }],
    adapter: "rmbench",
    wins: ["a", "b", "c"].flatMap((right) => ["x", "y", "z"].map((wrong) => `p: ${right} > ${wrong}`)),
  },
  {
    what: "PPE: human preferences",
    rows: ["model_a", "model_b", "tie"].map((winner) => ({
      ...{ question_id: "1", model_a: "m", model_b: "n", winner, language: "English", hard_prompt: true },
      ...{ prompt: "p", response_1: "x", response_2: "y", length_a: 1, length_b: 1 },
    })),
    adapter: "ppe-human",
    wins: ["p: x > y", "p: y > x"],
    omitted: { tie: 1 },
  },
  {
    what: "PPE: right and wrong answers, with the pairs that were drawn",
    rows: [
      {
        ...{ question_id: "1", prompt: "p", model_name: "m", problem: "p?", level: "Level 1" },
        ...{ response_1: "a", response_2: "b", response_3: "c" },
        ...{
          scores: [false, true, true],
          sampled_conflict_pairs: [
            [0, 2],
            [1, 0],
            [0, 2],
          ],
        },
      },
    ],
    adapter: "ppe-best-of-k",
    wins: ["p: c > a", "p: b > a", "p: c > a"],
  },
  {
    what: "AlpacaEval: 1 and 2, weighted preferences, draws of old and new files, no verdict",
    rows: [
      {
        instruction: "i",
        output_1: "a",
        generator_1: "m",
        output_2: "b",
        generator_2: "n",
        annotator: "x",
        preference: 1,
      },
      {
        instruction: "i",
        output_1: "a",
        generator_1: "m",
        output_2: "b",
        generator_2: "n",
        annotator: "x",
        preference: 1.9821,
      },
      { instruction: "i", output_1: "a", output_2: "b", preference: 1.5 },
      { instruction: "i", output_1: "a", output_2: "b", preference: 0 },
      { instruction: "i", output_1: "a", output_2: "b", preference: null },
    ],
    adapter: "alpaca-eval",
    wins: ["i: a > b", "i: b > a"],
    omitted: { tie: 2, "not judged": 1 },
  },
  {
    what: "UltraInteract pairs: the conversation before the response is the trajectory",
    rows: [
      {
        task: "Coding",
        dataset: "codecontest",
        trajectory: [
          { from: "user", value: "q1" },
          { from: "assistant", value: "a1" },
          { from: "user", value: "q2" },
        ],
        chosen: "a",
        rejected: "b",
        id: "0",
        parent_id: "None",
      },
    ],
    adapter: "ultrainteract",
    wins: ["q1 / a1 / q2: a > b"],
  },
  {
    what: "Math-Step-DPO: one step after the beginning of the same answer, which some rows do not have",
    rows: ["Step 1: x\nStep 2:", ""].map((initial_reason_steps) => ({
      dataset: "MATH",
      prompt: "q",
      initial_reason_steps,
      chosen: " a",
      rejected: " b",
      full_chosen: " a\nStep 3: c",
      full_rejected: " b\nStep 3: d",
      answer: "3",
    })),
    adapter: "step-dpo",
    wins: ["q: Step 1: x\nStep 2: a > Step 1: x\nStep 2: b", "q:  a >  b"],
  },
  {
    what: "TruthfulQA, generation",
    rows: [
      {
        type: "Adversarial",
        category: "Law",
        question: "q",
        best_answer: "b",
        correct_answers: ["b", "c"],
        incorrect_answers: ["x"],
        source: "s",
      },
    ],
    adapter: "truthfulqa",
    wins: ["q: b >= c", "q: b > x", "q: c > x"],
  },
  {
    what: "TruthfulQA.csv with one answer among the correct and the incorrect ones, as two questions have it",
    rows: "Question,Best Answer,Correct Answers,Incorrect Answers\nq,a,a; Unknown,b; Unknown\n",
    adapter: "truthfulqa-csv",
    wins: ["q: a >= Unknown", "q: a > b", "q: Unknown > b", "q: a > Unknown"],
  },
  {
    what: "TruthfulQA.csv: answers are separated by semicolons",
    rows: "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\nAdversarial,Law,q,b,b; c,x; y;,s\n",
    adapter: "truthfulqa-csv",
    wins: ["q: b >= c", "q: b > x", "q: c > x", "q: b > y", "q: c > y"],
  },
  {
    what: "TruthfulQA, multiple choice: lists of choices and labels, or labels by answer",
    rows: [
      {
        question: "q",
        mc1_targets: { choices: ["a", "x"], labels: [1, 0] },
        mc2_targets: { choices: ["a", "b", "x"], labels: [1, 1, 0] },
      },
      { question: "r", mc0_targets: { a: 1, x: 0 }, mc1_targets: { a: 1, x: 0 }, mc2_targets: { x: 0, a: 1 } },
    ],
    adapter: "truthfulqa-mc2",
    wins: ["q: a > x", "q: b > x", "r: a > x"],
  },
  {
    what: "TruthfulQA, multiple choice with one true answer",
    rows: [{ question: "q", mc1_targets: { choices: ["a", "x", "y"], labels: [1, 0, 0] } }],
    adapter: "truthfulqa-mc1",
    wins: ["q: a > x", "q: a > y"],
  },
  {
    what: "PKU-SafeRLHF: the more helpful response, unless another question is asked by name",
    rows: [
      {
        prompt: "p",
        response_0: "a",
        response_1: "b",
        is_response_0_safe: true,
        is_response_1_safe: false,
        better_response_id: 1,
        safer_response_id: 0,
      },
    ],
    adapter: "pku-better",
    wins: ["p: b > a"],
  },
  {
    what: "PKU-SafeRLHF: the safer response",
    rows: [{ prompt: "p", response_0: "a", response_1: "b", better_response_id: 1, safer_response_id: 0 }],
    adapter: "pku-safer",
    by: "pku-safer",
    wins: ["p: a > b"],
  },
  {
    what: "PKU-SafeRLHF: a safe and an unsafe response",
    rows: [{ prompt: "p", response_0: "a", response_1: "b", is_response_0_safe: false, is_response_1_safe: true }],
    adapter: "pku-safety",
    wins: ["p: b > a"],
  },
  {
    what: "lists of chosen and rejected",
    rows: [{ prompt: "p", chosen: ["a", "b"], rejected: ["x", "y"] }],
    adapter: "matrix",
    wins: ["p: a > x", "p: a > y", "p: b > x", "p: b > y"],
  },
  {
    what: "responses with scores",
    rows: [{ instruction: "p", generations: ["a", "b", "c"], ratings: [1, null, 4] }],
    adapter: "rated-responses",
    wins: ["p: c > a"],
  },
  {
    what: "a list of responses with their ranks",
    rows: [
      {
        prompt: "p",
        responses: [
          { text: "a", rank: 2 },
          { text: "b", rank: 1 },
        ],
      },
    ],
    adapter: "rated-objects",
    wins: ["p: b > a"],
  },
  {
    what: "a response a row, with its score",
    rows: [
      { prompt: "p", response: "a", score: 1 },
      { prompt: "q", response: "c", score: 1 },
      { prompt: "p", response: "b", score: 2.5 },
      { prompt: "r", response: "d", score: 3 },
      { prompt: "q", response: "e", score: 1 },
    ],
    adapter: "rated-rows",
    wins: ["p: b > a"],
    omitted: { "all tied": 1, "the only response to its prompt": 1 },
  },
  {
    what: "a response a row, and whether it is good",
    rows: [true, false, "False"].map((score, i) => ({ prompt: "p", completion: `${i}`, score })),
    adapter: "rated-rows",
    wins: ["p: 0 > 1", "p: 0 > 2"],
  },
  {
    what: "TRL's unpaired preferences as messages, with their label as the score",
    rows: [true, false].map((score) => ({ prompt: [user("p")], completion: [assistant(`${score}`)], score })),
    adapter: "rated-rows",
    wins: ["p: true > false"],
  },
  {
    what: "two responses as messages",
    rows: [{ prompt: [user("p")], response_a: [assistant("x")], response_b: [assistant("y")], winner: "b" }],
    adapter: "two-responses",
    wins: ["p: y > x"],
  },
  {
    what: "two responses and a letter, with names as people write them",
    rows: "Prompt,Response A,Response B,Human Preference,Answers\np,x,y,A,2\np,x,y,Response B,2\n",
    adapter: "two-responses",
    wins: ["p: x > y", "p: y > x"],
  },
  {
    what: "a question, two responses and a letter, which is not JudgeBench",
    rows: [{ question: "q", response_A: "a", response_B: "b", label: "B" }],
    adapter: "two-responses",
    wins: ["q: b > a"],
  },
  {
    what: "two responses and a letter",
    rows: ["a", "B", "tie", "model_a", "B>A", "A=B", "A<B", "[[A<<B]]", "A>>B", "nan"].map((label) => ({
      prompt: "p",
      response_a: "x",
      response_b: "y",
      winner: label,
    })),
    adapter: "two-responses",
    wins: ["p: x > y", "p: y > x", "p: x > y", "p: y > x", "p: y > x", "p: y > x", "p: x > y"],
    omitted: { tie: 2, "not judged": 1 },
  },
  {
    what: "n responses and the number of the best",
    rows: [{ question: "p", response_1: "x", response_2: "y", response_3: "z", label: 3 }],
    adapter: "two-responses",
    wins: ["p: z > x", "p: z > y"],
  },
  {
    what: "two responses and their index",
    rows: [0, 1].map((label) => ({ prompt: "p", response_0: "x", response_1: "y", label })),
    adapter: "two-responses",
    wins: ["p: x > y", "p: y > x"],
  },
  {
    what: "two responses and a label that is 1 for the first",
    rows: [0, 1].map((label) => ({ prompt: "p", response_a: "x", response_b: "y", label })),
    adapter: "two-responses:1..0",
    by: "two-responses:1..0",
    wins: ["p: y > x", "p: x > y"],
  },
  {
    what: "two responses and booleans as pandas writes them to CSV",
    rows: "prompt,response_a,response_b,label\np,x,y,True\np,x,y,False\np,x,y,TRUE\np,x,y,\n",
    adapter: "two-responses:1..0",
    by: "two-responses:1..0",
    wins: ["p: x > y", "p: y > x", "p: x > y"],
    omitted: { "not judged": 1 },
  },
  {
    what: "two responses and a label from -1 to 1",
    rows: [-1, 0, 1].map((label) => ({ prompt: "p", response_a: "x", response_b: "y", label })),
    adapter: "two-responses:-1..1",
    by: "two-responses:-1..1",
    wins: ["p: x > y", "p: y > x"],
    omitted: { tie: 1 },
  },
  {
    what: "PKU-SafeRLHF with a code of its own for ties",
    rows: [0, 1, -1].map((id) => ({ prompt: "p", response_0: "x", response_1: "y", better_response_id: id })),
    adapter: "pku-better:0,1,-1",
    by: "pku-better:0,1,-1",
    wins: ["p: x > y", "p: y > x"],
    omitted: { tie: 1 },
  },
  {
    what: "Auto-J: two responses and a label that is 2 for a tie",
    rows: [0, 1, 2].map((label) => ({
      scenario: "s",
      label,
      prompt: "p",
      "response 1": "x",
      "response 2": "y",
    })),
    adapter: "two-responses:0,1,2",
    by: "two-responses:0,1,2",
    wins: ["p: x > y", "p: y > x"],
    omitted: { tie: 1 },
  },
  {
    what: "two responses on a scale of seven",
    rows: [2, 4, 5].map((label) => ({ prompt: "p", response_a: "x", response_b: "y", label })),
    adapter: "two-responses:1..7",
    by: "two-responses:1..7",
    wins: ["p: x > y", "p: y > x"],
    omitted: { tie: 1 },
  },
  {
    what: "two responses and the probability of the first",
    rows: [0.9, 0.2].map((label) => ({ prompt: "p", response_a: "x", response_b: "y", label })),
    adapter: "two-responses:1..0",
    by: "two-responses:1..0",
    wins: ["p: x > y", "p: y > x"],
  },
];
