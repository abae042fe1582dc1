/** How chat templates mark their turns, for texts that some template rendered: the formats of common families. */

export type Role = "system" | "user" | "assistant";

export interface ChatFormat {
  /** As messages show it. */
  readonly marker: string;
  /** Whether a text is of this format; tokens that begin any text are left out before. Takes linear time. */
  readonly matches: (text: string) => boolean;
  /** Where a turn begins; the first group says whose it is. Global; every part is bounded. */
  readonly turn: RegExp;
  readonly roles: Readonly<Record<string, Role>>;
  /** What may end a turn. */
  readonly ends: readonly string[];
  /** Every turn but the last one has its end written. */
  readonly closes: boolean;
  /** White space around a content belongs to the template. */
  readonly trims: boolean;
  /** The marks are tokens that no one types: a text that begins with them was rendered. */
  readonly special: boolean;
  /** The text before the first turn is the system's. */
  readonly leadIsSystem: boolean;
}

const plainRoles = {
  system: "system",
  developer: "system",
  user: "user",
  human: "user",
  assistant: "assistant",
} as const;
const usual = { closes: true, trims: false, special: true, leadIsSystem: false } as const;

export const chatFormats: readonly ChatFormat[] = [
  {
    ...usual,
    marker: "<|im_start|>user (ChatML: Yi, Qwen, Phi-4)",
    matches: (text) => /^<\|im_start\|>/.test(text),
    turn: /<\|im_start\|>([^\s<]{0,64})(?:\n|<\|im_sep\|>|$)/g,
    roles: plainRoles,
    ends: ["<|im_end|>"],
  },
  {
    ...usual,
    marker: "<|start_header_id|>user<|end_header_id|> (Llama 3)",
    matches: (text) => /^<\|start_header_id\|>/.test(text),
    turn: /<\|start_header_id\|>([^\s<]{0,64})<\|end_header_id\|>\n{0,2}/g,
    roles: plainRoles,
    ends: ["<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"],
  },
  {
    ...usual,
    marker: "<|header_start|>user<|header_end|> (Llama 4)",
    matches: (text) => /^<\|header_start\|>/.test(text),
    turn: /<\|header_start\|>([^\s<]{0,64})<\|header_end\|>\n{0,2}/g,
    roles: plainRoles,
    ends: ["<|eot|>", "<|eom|>", "<|end_of_text|>"],
  },
  {
    ...usual,
    marker: "[INST] (Llama 2, Mistral)",
    matches: (text) => /^(?:\[INST\]|\[SYSTEM_PROMPT\])/.test(text),
    turn: /\[(\/?INST|SYSTEM_PROMPT)\]/g,
    roles: { INST: "user", "/INST": "assistant", SYSTEM_PROMPT: "system" },
    ends: ["</s>", "[/SYSTEM_PROMPT]"],
    closes: false,
    trims: true,
  },
  {
    ...usual,
    marker: "<start_of_turn>user (Gemma)",
    matches: (text) => /^<start_of_turn>/.test(text),
    turn: /<start_of_turn>([^\s<]{0,64})(?:\n|$)/g,
    roles: { ...plainRoles, model: "assistant" },
    ends: ["<end_of_turn>", "<eos>"],
  },
  {
    ...usual,
    marker: "<|user|> (Zephyr, Tulu, Phi-3)",
    matches: (text) => /^<\|(?:system|user)\|>/.test(text),
    turn: /<\|(system|user|assistant)\|>\n?/g,
    roles: plainRoles,
    ends: ["</s>", "<|end|>", "<|endoftext|>"],
    closes: false,
  },
  {
    ...usual,
    marker: "GPT4 Correct User: (OpenChat, Starling-LM)",
    matches: (text) =>
      /^(?:GPT4 Correct|GPT4|Code|Math Correct) User:|<\|end_of_turn\|>(?:GPT4 Correct|GPT4|Code|Math Correct) (?:User|Assistant):/.test(
        text,
      ),
    turn: /(?:GPT4 Correct|GPT4|Code|Math Correct) (User|Assistant): ?/g,
    roles: { User: "user", Assistant: "assistant" },
    ends: ["<|end_of_turn|>"],
    leadIsSystem: true,
  },
  {
    ...usual,
    marker: "<|START_OF_TURN_TOKEN|><|USER_TOKEN|> (Command R)",
    matches: (text) => /^<\|START_OF_TURN_TOKEN\|>/.test(text),
    turn: /<\|START_OF_TURN_TOKEN\|><\|(SYSTEM|USER|CHATBOT)_TOKEN\|>/g,
    roles: { SYSTEM: "system", USER: "user", CHATBOT: "assistant" },
    ends: ["<|END_OF_TURN_TOKEN|>"],
  },
  {
    ...usual,
    marker: "<｜User｜> (DeepSeek)",
    matches: (text) => /<｜User｜>/.test(text),
    turn: /<｜(User|Assistant)｜>/g,
    roles: { User: "user", Assistant: "assistant" },
    ends: ["<｜end▁of▁sentence｜>"],
    closes: false,
    leadIsSystem: true,
  },
  {
    ...usual,
    marker: "USER: … ASSISTANT: (Vicuna)",
    matches: (text) => /(?:^|\s)USER: /.test(text) && /\sASSISTANT:/.test(text),
    turn: /(?:^|\s|(?<=<\/s>))(USER|ASSISTANT): ?/g,
    roles: { USER: "user", ASSISTANT: "assistant" },
    ends: ["</s>"],
    closes: false,
    trims: true,
    special: false,
    leadIsSystem: true,
  },
  {
    ...usual,
    marker: "Human: … Assistant:",
    matches: (text) => /^(?:### )?Human:/.test(text),
    turn: /(?:^|\n\n)(?:### )?(Human|Assistant): ?/g,
    roles: { Human: "user", Assistant: "assistant" },
    ends: ["</s>", "<|endoftext|>", "<|im_end|>"],
    closes: false,
    trims: true,
    special: false,
  },
];

/** What tokenizers put before and after any text: it belongs to no turn. */
export const AROUND_TEXTS: readonly string[] = [
  ...["<s>", "</s>", "<|begin_of_text|>", "<|end_of_text|>", "<bos>", "<eos>", "<|startoftext|>", "<|endoftext|>"],
  ...["<pad>", "[PAD]", "<unk>", "<BOS_TOKEN>", "<EOS_TOKEN>", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"],
];
