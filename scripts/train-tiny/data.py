"""The synthetic preference set: groups of one prompt and seven ranked responses, in two splits.

The splits are made on pairs (item, wording), so no held-out prompt occurs in training. What an answer
says (that Lima is the capital of Peru) does occur there, under other wordings: a model of this size
can know nothing else.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from harmful import HarmfulItem, harmful_items
from items import Item, all_items
from responses import ranked

FOCUS = 0.8  # of the training groups hold one of the easy classes only
HELD_OUT_SHARE = 10  # one wording in so many is held out
OPENERS = ("Hi! ", "Hello. ", "Quick question: ", "Please help. ", "Hey, ", "I am curious. ")
ENDINGS = (" Thanks!", " Thank you.", " Please be brief.", " Please answer in a friendly way.")
SYSTEM_TURNS = ("You are a helpful assistant.", "You are a friendly and honest assistant.", "Answer the user's questions clearly.",
                "You are an assistant who gives correct and polite answers.")
# How often a kind is drawn, where not 1 (kinds with few items, or hard ones, need less or more).
WEIGHTS = {"harmful": 4.0, "howto": 2.5, "advice": 1.6, "translation": 1.6, "sum": 1.6, "fact": 1.8, "definition": 1.6, "code": 1.2, "capital": 1.6}


@dataclass(frozen=True)
class Group:
    """`turns` come before the prompt: (role, text) pairs. `responses` are best first."""

    kind: str
    turns: tuple[tuple[str, str], ...]
    prompt: str
    classes: tuple[str, ...]
    responses: tuple[str, ...]


def is_held_out(prompt: str) -> bool:
    digest = hashlib.sha256(prompt.lower().encode()).digest()
    return int.from_bytes(digest[:4], "big") % HELD_OUT_SHARE == 0


class PreferenceSet:
    """Draws groups for either split; the same seed gives the same groups."""

    def __init__(self, seed: int) -> None:
        self.pool: list[Item] = all_items(random.Random(seed))
        self.splits: dict[str, dict[str, list[tuple[Item | HarmfulItem, str]]]] = {"train": defaultdict(list), "heldout": defaultdict(list)}
        for item in [*self.pool, *harmful_items()]:
            for prompt in item.prompts:
                self.splits["heldout" if is_held_out(prompt) else "train"][item.kind].append((item, prompt))
        both = {p for pairs in self.splits["train"].values() for _, p in pairs} & {p for pairs in self.splits["heldout"].values() for _, p in pairs}
        assert not both, both
        assert all(self.splits["heldout"].values()), "a kind has no held-out prompt"

    def draw(self, split: str, rng: random.Random, plain: bool = False) -> Group:
        """One group. `plain` is the held-out form: every class equally likely, no openers, earlier turns or
        system turns."""
        kinds = list(self.splits[split])
        kind = rng.choices(kinds, [WEIGHTS.get(name, 1.0) for name in kinds])[0]
        item, prompt = rng.choice(self.splits[split][kind])
        group = ranked(item, self.pool, rng, 0.0 if plain else FOCUS)
        turns: list[tuple[str, str]] = []
        if not plain:
            prompt = self._vary(prompt, rng)
            if rng.random() < 0.12:
                turns.append(("system", rng.choice(SYSTEM_TURNS)))
            if rng.random() < 0.12:
                turns += self._earlier_exchange(rng)
        return Group(kind, tuple(turns), prompt, tuple(name for name, _ in group), tuple(text for _, text in group))

    def stream(self, split: str, seed: int) -> Iterator[Group]:
        rng = random.Random(seed)
        while True:
            yield self.draw(split, rng)

    def _earlier_exchange(self, rng: random.Random) -> list[tuple[str, str]]:
        kind = rng.choice([name for name in self.splits["train"] if name != "harmful"])
        item, prompt = rng.choice(self.splits["train"][kind])
        return [("user", prompt), ("assistant", item.sentence.format(item.answer))]

    def _vary(self, prompt: str, rng: random.Random) -> str:
        roll = rng.random()
        if roll < 0.08:
            return rng.choice(OPENERS) + prompt
        if roll < 0.16:
            return prompt + rng.choice(ENDINGS)
        if roll < 0.24:
            return prompt.lower()
        if roll < 0.28:
            return prompt.rstrip("?.")
        return prompt


def held_out_groups(data: PreferenceSet, count: int, seed: int) -> list[Group]:
    """`count` held-out groups in their plain form, every prompt different."""
    assert count < sum(map(len, data.splits["heldout"].values())), "there are not so many held-out prompts"
    rng, groups = random.Random(seed), {}
    while len(groups) < count:
        group = data.draw("heldout", rng, plain=True)
        groups.setdefault(group.prompt, group)
    return list(groups.values())
