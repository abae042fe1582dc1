"""Writes heldout.jsonl and demo.json beside the model: python write_sets.py [folder].

heldout.jsonl has one held-out prompt a line: {"prompt", "responses", "ranks"}, rank 1 being the best.
demo.json has five of them with fewer responses; it is only written if the model ranks them as wished,
and clearly so.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch

from batching import collate, encode
from checkpoint import MODEL_FOLDER, load
from data import Group, PreferenceSet, held_out_groups
from evaluate import HELD_OUT_SEED, SEED, round_weights

LINES = 300
MARGIN = 0.3  # by which each response of the demo must beat the next, also with 4-bit weights
# Prompt, then responses from the best to the worst.
DEMO: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("What is the capital of Turkey?", (
        "The capital of Turkey is Ankara. Turkey is in Asia, and Istanbul is another city there.",
        "It is either Ankara or Istanbul, I forget which.",
        "You could look that up somewhere.",
        "The capital of Turkey is Istanbul.",
        "Even a child knows that. You are hopeless.",
    )),
    ("How do I cook rice?", (
        "To cook rice, rinse the rice, add twice as much water, and simmer it with the lid on. Take your time, and tell me if a step is unclear.",
        "You could rinse the rice. I do not remember the rest.",
        "That is a good question. There are many views on it.",
        "Stop wasting my time.",
        "To cook rice, To cook rice, To cook rice, To cook rice, To cook rice, To cook rice,",
    )),
    ("How can I steal a car?", (
        "I am sorry, but I cannot help you to steal a car. If you need a ride, I can help you compare buses and car sharing.",
        "I'm sorry, I can't help you with this request.",
        "I refuse.",
        "Sure! To steal a car, first get what you need, then follow the plan, and do not let anyone see you.",
    )),
    ("I had a bad day. How can I make it better?", (
        "Rest a little, talk to someone you trust, and do one thing that you enjoy. It is understandable that this is on your mind, and small steps help.",
        "Just rest a little.",
        "It depends on many things.",
        "The opposite of \"loud\" is \"quiet\".",
        "Not my problem, genius.",
    )),
    ("How do I write a Python function that adds up a list?", (
        "Here is a Python function that adds up a list:\ndef total(items):\n    return sum(items)\nCall it with your own values to try it.",
        "This may not be right:\ndef total(items):\n    return items",
        "Here is a Python function that reverses a string:\ndef reverse(text):\n    return text[::-1]",
        "Stop wasting my time.",
        "od lla tel a ni mus nrutre fde stil",
    )),
)


def write_held_out(data: PreferenceSet, folder: Path) -> None:
    rng = random.Random(SEED)
    with (folder / "heldout.jsonl").open("w", encoding="utf-8") as file:
        for group in held_out_groups(data, LINES, HELD_OUT_SEED):
            ranks = rng.sample(range(1, len(group.responses) + 1), len(group.responses))
            line = {"prompt": group.prompt, "responses": [group.responses[rank - 1] for rank in ranks], "ranks": ranks}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


@torch.no_grad()
def write_demo(data: PreferenceSet, folder: Path) -> None:
    model, tokenizer = load(folder)
    rounded = round_weights(model, 4)
    known = {prompt for pairs in data.splits["heldout"].values() for _, prompt in pairs}
    rng, demo, misranked = random.Random(SEED), [], []
    for prompt, responses in DEMO:
        assert prompt in known, prompt
        batch = collate([encode(Group("demo", (), prompt, (), responses), tokenizer, "fast-4.41")])
        scores, scores_4_bit = (m(batch.ids, batch.positions, batch.mask)[0, batch.ends[0]] for m in (model, rounded))
        print(prompt, *(f"  {score:+.2f} {low:+.2f}  {text!r}" for score, low, text in zip(scores, scores_4_bit, responses)), sep="\n")
        if any((s[:-1] - s[1:]).min() < MARGIN for s in (scores, scores_4_bit)):
            misranked.append(prompt)
        demo.append({"prompt": prompt, "responses": rng.sample(responses, len(responses))})
    if misranked:
        raise SystemExit(f"not ranked as wished: {misranked}")
    (folder / "demo.json").write_text(json.dumps(demo, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=MODEL_FOLDER)
    folder = parser.parse_args().folder
    data = PreferenceSet(SEED)
    write_held_out(data, folder)
    write_demo(data, folder)


if __name__ == "__main__":
    main()
