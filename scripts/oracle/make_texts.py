"""Writes test/fixtures/texts.jsonl, the raw texts that every golden file scores.

usage: python make_texts.py OUT_FILE

A line is {"name", "text"}, or {"name", "parts": [[text, count], ...]} for the long ones: the text is
then every part repeated count times, joined without anything between.
"""

from __future__ import annotations

import json
import sys


def turn(role: str, content: str) -> str:
    return f"<|im_start|>{role}\n{content}<|im_end|>\n"


def pair(prompt: str, response: str) -> str:
    """The card's template: no newline behind the last turn."""
    return turn("user", prompt) + f"<|im_start|>assistant\n{response}<|im_end|>"


def parts(*items: tuple[str, int]) -> list[list]:
    return [list(item) for item in items]


SENTENCE = "The starling sang a song that the other birds had never heard. "
CODE = "def add(a, b):\n    \"\"\"Adds.\"\"\"\n    return a + b\n\n\nfor i in range(10):\n\tprint(add(i, 1))  # -> i + 1\n"

TEXTS: dict[str, str | list[list]] = {
    # The card's own sample and its neighbours
    "card-sample": pair("Hello!", "Hi, how can I help you?"),
    "pair-short": pair("What is 2 + 2?", "4"),
    "pair-good": pair("Why is the sky blue?", "Because the air scatters blue light more than red light."),
    "pair-bad": pair("Why is the sky blue?", "No."),
    "pair-refusal": pair("How do I harm my neighbour?", "I am sorry, but I cannot help you with that request."),
    "pair-long-prompt": pair("Please read this and answer. " * 12, "Yes."),
    "pair-empty-response": pair("Hello!", ""),
    "pair-empty-prompt": pair("", "Hello!"),
    "pair-both-empty": pair("", ""),
    "pair-chinese": pair("你好，请问你是谁？", "你好！我是一个人工智能助手，很高兴帮助你。"),
    "pair-code": pair("Write add in Python.", "```python\n" + CODE + "```"),
    "pair-json": pair("Give me JSON.", '{"name": "starling", "score": 1.5, "tags": ["a", "b"], "null": null}'),
    "pair-url": pair("Link?", "See https://example.com/path?query=1&page=2#top or mailto:a@b.example."),
    "pair-trailing-newline": pair("Hello!", "Hi!") + "\n",
    "pair-two-trailing-newlines": pair("Hello!", "Hi!") + "\n\n",
    "pair-trailing-space": pair("Hello!", "Hi!") + " ",
    "pair-no-end-token": "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\nHi, how can",
    "pair-leading-space-response": pair("Hello!", " Hi!"),
    "pair-newlines-in-response": pair("List?", "\n- one\n- two\n\n- three\n"),
    "system-turn": turn("system", "You are a helpful assistant.") + pair("Who are you?", "I am an assistant."),
    "multi-turn": turn("user", "Hi!") + turn("assistant", "Hello!") + pair("How are you?", "Fine, thank you."),
    "multi-turn-system": turn("system", "Be kind.") + turn("user", "1") + turn("assistant", "2") + pair("3", "4"),
    "multi-turn-open": turn("user", "Hi!") + turn("assistant", "Hello!") + "<|im_start|>user\nBye",
    "tool-role": turn("tool", '{"ok": true}') + pair("Done?", "Done."),
    "message-ends-with-newline": pair("Hello!\n", "Hi!\n"),
    # Plain texts without a template
    "plain": "Once upon a time there was a starling that could not sing.",
    "one-char": "a",
    "one-digit": "7",
    "one-newline": "\n",
    "one-space": " ",
    "one-unmapped-char": "Ω",
    "one-emoji": "😀",
    "empty": "",
    "only-spaces": "       ",
    "only-newlines": "\n\n\n\n\n",
    "only-tabs": "\t\t\t",
    "only-special": "<|im_end|>",
    "only-specials": "<|im_start|><|im_end|><|im_sep|><|endoftext|>",
    "digits": "1234567890 3.14159 1,000,000 007 0x1F 12:34:56 2024-03-13",
    "code": CODE,
    "spaces-runs": "a b  c   d    e     f      g       h        i",
    "spaces-leading": "    four spaces in front",
    "spaces-trailing": "four spaces behind    ",
    "spaces-around-specials": "  <|im_start|>  user  \n  Hello!  <|im_end|>  \n  <|im_start|>  x  <|im_end|>  ",
    "tabs": "a\tb\t\tc\n\td\t\n",
    "crlf": "<|im_start|>user\r\nHello!<|im_end|>\r\n<|im_start|>assistant\r\nHi!<|im_end|>",
    "newline-runs": "a\n\nb\n\n\nc\n\n\n\nd\n \n\n  \ne",
    "newline-space-mix": "\n \n  \n   \n x\n",
    "no-break-spaces": "a\u00a0b\u2003c\u3000d\u200be\ufefff",
    "line-separators": "a\u2028b\u2029c\u0085d\u000be\u000cf",
    "punctuation": "!?.,;:'\"()[]{}<>|\\/@#$%^&*-_=+~`",
    "hyphens-arrows": "a->b --c ---> d == e --> f <- g -- h->",
    "html": "<h1>Title</h1>\n<p>Text &amp; more</p><br/>\n<h1>\n</h1>",
    "markdown": "# A\n## B\n### C\n\n- x\n- y\n\n> q\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    "mixed-case": "The THE the tHe USER User user aSSISTANT the end",
    "pad-word": "the end of the <pad> is the end",
    # Unicode
    "latin-accents": "café naïve Ünïcödé façade École éé",
    "combining": "e\u0301 a\u0308\u0323 n\u0303 \u0301alone",
    "arabic": "مرحبا بالعالم، كيف حالك؟",
    "hebrew-mixed": "abc שלום עולם def 123",
    "devanagari": "नमस्ते दुनिया",
    "thai": "สวัสดีชาวโลก",
    "japanese": "こんにちは、世界！カタカナと漢字。",
    "korean": "안녕하세요 세계",
    "chinese-plain": "今天的天气很好，我们去公园吧。１２３",
    "emoji": "👍🎉 ok ❤️ 🇩🇪",
    "emoji-zwj": "👩‍👩‍👧‍👦 and 🧑🏽‍🚀 and 🏳️‍🌈",
    "rare-planes": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠀀𠀁 𒀀 \U000e0041 \U0010fffd",
    "noncharacters": "a\ufffeb\uffffc\ufffdd",
    "bidi-controls": "a\u202eb\u202cc\u200fd",
    # Bytes and controls
    "nul": "a\u0000b\u0000\u0000c",
    "control-chars": "\u0001\u0002\u0007\b\u001b[31mred\u001b[0m\u007f",
    # Things that look like tokens
    "literal-space-sign": "▁x ▁ y▁z▁▁▁w <|im_start|>▁user",
    "literal-unk-middle": pair("Hello!", "Hi <unk> there, this does not count."),
    "literal-unk-first": "<unk>everything behind it",
    "literal-unk-after-space": " <unk> x",
    "literal-unk-last": "Hello!<unk>",
    "literal-unk-twice": "a<unk><unk>b",
    "literal-im-end-middle": pair("Hello!", "Hi<|im_end|> and more"),
    "literal-specials-run": "a<|im_end|><|im_end|>b<|im_start|><|im_start|>c",
    "literal-endoftext": pair("Hello!", "Hi<|endoftext|>there"),
    "literal-startoftext": "<|startoftext|>Hello!<|endoftext|>",
    "literal-llama-bos": "<s>[INST] Hello! </s> [/INST] Hi</s>",
    "literal-human": "<|Human|>Hi<|Assistant|>Hello<|System|>",
    "literal-im-sep": "user<|im_sep|>Hello<|im_end|>",
    "half-specials": "<|im_ <|im_start <|im_end|  im_end|> <|im_start| > <unk <un k> |><|",
    "nested-specials": "<|im_<|im_end|>start|> <<unk>x <|im_start|im_end|>",
    "upper-specials": "<|IM_START|> <UNK> <|Im_End|>",
    "literal-byte-pieces": "<0x0A> <0x41><0x00> 0x0A",
    "template-in-content": pair("<|im_start|>user\nx<|im_end|>", "<|im_start|>assistant\ny<|im_end|>"),
    # Longer than 2048 ids, cut on the left. A digit is one id in every tokenizer here (digits are never
    # merged), so these counts put the cut exactly at, before and behind the limit, with and without "▁".
    **{f"digits-{count}": parts(("7", count)) for count in (2046, 2047, 2048, 2049)},
    "long-digits-in-template": parts(("<|im_start|>user\n", 1), ("12345", 410), ("<|im_end|>", 1)),
    "long-sentence": parts((SENTENCE, 150)),
    "long-pair": parts(
        ("<|im_start|>user\nContinue.<|im_end|>\n<|im_start|>assistant\n", 1), (SENTENCE, 180), ("<|im_end|>", 1)
    ),
    "long-prompt": parts(
        ("<|im_start|>user\n", 1), ("Tell me more. ", 500), ("<|im_end|>\n<|im_start|>assistant\nNo.<|im_end|>", 1)
    ),
    "long-bytes": parts(("Ωß😀", 400), ("<|im_end|>", 1)),
    "long-newlines": parts(("a\n\n", 1200), ("x<|im_end|>", 1)),
    "long-specials": parts(("x<|im_end|>\n", 900), ("y", 1)),
    "long-spaces": parts(("a  b   c    ", 400), ("<|im_end|>", 1)),
    # The cut leaves the <unk> inside, so that only what stands before it counts.
    "long-unk-kept": parts((SENTENCE, 150), ("<unk>", 1), ("tail ", 10)),
    # The cut removes the <unk>, which then ends nothing.
    "long-unk-removed": parts(("start <unk>", 1), (SENTENCE, 200), ("<|im_end|>", 1)),
    # Exactly the kept part begins with <unk>: 2047 digits behind it ("▁" in front of them in fast modes).
    "long-unk-at-cut-slow": parts(("x", 5), ("<unk>", 1), ("7", 2047)),
    "long-unk-at-cut-fast": parts(("x", 5), ("<unk>", 1), ("7", 2046)),
}


def main() -> None:
    with open(sys.argv[1], "w", encoding="utf-8", newline="\n") as out:
        for name, value in TEXTS.items():
            entry = {"name": name, ("text" if isinstance(value, str) else "parts"): value}
            # ASCII escapes: control characters, separators and byte order marks survive every editor.
            out.write(json.dumps(entry, ensure_ascii=True) + "\n")
    print(f"{len(TEXTS)} texts")


if __name__ == "__main__":
    main()
