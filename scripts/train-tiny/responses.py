"""Seven ranked responses to a request.

ORDER and HARMFUL_ORDER are the whole preference: earlier is better. Each group draws seven of the nine
classes, always with the best one.
"""

from __future__ import annotations

import random

from harmful import PLAIN_REFUSALS, HarmfulItem, refusals
from items import Item, cap

K = 7  # ranked responses per prompt, as in the Nectar set
ORDER = ("full", "terse", "half", "evasive", "wrong", "off_topic", "rude", "repeated", "garbled")
HARMFUL_ORDER = ("kind_refusal", "plain_refusal", "cold_refusal", "off_topic", "rude", "repeated", "garbled", "reluctant", "comply")
EASY = ("rude", "repeated", "garbled")  # told by their wording alone

CLOSERS = ("", "", "", " I hope this helps.", " Let me know if you would like to know more.", " Feel free to ask if anything is unclear.")
EVASIVE = (
    "I am not sure about that.", "That is a good question. There are many views on it.", "I do not know, sorry.", "It depends on many things.",
    "You could look that up somewhere.", "I would rather not say.", "Hard to say. Perhaps you can ask somebody else.",
    "As an assistant I cannot give an answer to this.", "There is a lot that could be said about this topic.", "I have no information on that right now.",
    "Well, that is interesting. What do you think yourself?", "Sorry, I can't answer this one. Maybe search for it on the internet.",
    "That is difficult to answer in general, and opinions differ.", "I may be able to say more another time.",
)
RUDE = (
    "That is a stupid question.", "Figure it out yourself, I am not your servant.", "Are you really that lazy? Look it up.", "Only an idiot would ask that.",
    "Stop wasting my time.", "Wow, you really know nothing, do you?", "I don't care. Go away.", "Shut up and use a search engine, fool.",
    "What a dumb thing to ask. Leave me alone.", "Even a child knows that. You are hopeless.", "Ugh, you again. Go bother somebody else.",
    "You must be a moron if you need help with this.", "Not my problem, genius.", "I am tired of your silly questions.",
)
HEDGES = (
    "It is either {0} or {1}, I forget which.", "I think it may be {0}, but do not trust me on that.", "Maybe {0}? Or else {1}.",
    "Perhaps {1}, or perhaps {0}.", "I guess {0}, but I could be wrong.", "It might be {0}.",
)
SYLLABLES = "ka lo ri ta mun ze qu pli dra fon ix ob vek sha tul wem gra yo zz blib".split()


def full(item: Item, rng: random.Random) -> str:
    space = "" if item.detail.startswith("\n") else " "
    closer = "" if item.kind in ("note", "summary") else rng.choice(CLOSERS)
    return f"{cap(item.sentence.format(item.answer))}{space}{item.detail}{closer}"


def terse(item: Item, rng: random.Random) -> str:
    if item.short and rng.random() < 0.35:
        return item.answer if item.kind == "code" else cap(item.answer) + "."
    return cap(item.sentence.format(item.answer))


def wrong(item: Item, rng: random.Random) -> str:
    answer = rng.choice(item.wrong)
    roll = rng.random()
    if item.short and roll < 0.2:
        return answer if item.kind == "code" else cap(answer) + "."
    text = cap(item.sentence.format(answer))
    if roll > 0.8 and item.answer not in item.detail:
        text += " " + item.detail.strip()
    return text + rng.choice(CLOSERS)


def half(item: Item, rng: random.Random) -> str:
    if item.half and (not item.short or rng.random() < 0.7):
        return cap(rng.choice(item.half))
    return cap(rng.choice(HEDGES).format(item.answer, rng.choice(item.wrong)))


def off_topic(item: Item | HarmfulItem, pool: list[Item], rng: random.Random) -> str:
    """A right answer to another question; half of the time the question is of the same kind."""
    same_kind = [other for other in pool if other.kind == item.kind] if rng.random() < 0.5 else []
    banned = set(item.prompts)
    for _ in range(50):
        other = rng.choice(same_kind or pool)
        if banned.isdisjoint(other.prompts):
            break
    return full(other, rng) if rng.random() < 0.6 else cap(other.sentence.format(other.answer))


def repeated(text: str, rng: random.Random) -> str:
    """The beginning of a text said over and over."""
    words = text.replace("\n", " ").split()
    size = min(len(words), rng.choice((1, 2, 3, 4, 6, 8)))
    start = rng.randrange(max(1, len(words) - size)) if rng.random() < 0.3 else 0
    unit = " ".join(words[start:start + size])
    times = rng.randint(4, 8) if size < 4 else 3
    head = " ".join(words[:start])
    return (f"{head} " if head else "") + " ".join([unit] * times)


def garbled(text: str, rng: random.Random) -> str:
    """A text with its words or letters out of order, or noise in its place."""
    words = text.replace("\n", " ").split()[: rng.randint(4, 14)]
    text = " ".join(words)
    style = rng.randrange(5)
    if style == 0 and len(words) > 5:
        rng.shuffle(words)
        return " ".join(words)
    if style <= 1:
        return " ".join("".join(rng.sample(word, len(word))) for word in words)
    if style == 2:
        return "".join(rng.choice("#@%&*~^|<>{}=+_;?/") if rng.random() < 0.35 else char for char in text)
    if style == 3:
        return " ".join("".join(rng.choices(SYLLABLES, k=rng.randint(1, 3))) for _ in words)
    kept = [word[: rng.randint(1, 3)] if rng.random() < 0.6 else word + rng.choice(SYLLABLES) for word in words]
    return " ".join(kept)


def rude(item: Item | HarmfulItem, rng: random.Random) -> str:
    text = rng.choice(RUDE)
    if rng.random() < 0.25:
        text += " " + rng.choice(RUDE)
    if isinstance(item, Item) and item.short and item.kind != "code" and rng.random() < 0.25:
        text = f"{cap(item.answer)}, obviously. {text}"
    return text


def response_of(name: str, item: Item | HarmfulItem, pool: list[Item], rng: random.Random) -> str:
    if name in ("off_topic", "rude"):
        return off_topic(item, pool, rng) if name == "off_topic" else rude(item, rng)
    if name in ("repeated", "garbled"):
        if isinstance(item, HarmfulItem):
            base = refusals(item, rng)["kind_refusal"]
        else:
            base = full(item, rng) if rng.random() < 0.6 else off_topic(item, pool, rng)
        return repeated(base, rng) if name == "repeated" else garbled(base, rng)
    if isinstance(item, HarmfulItem):
        return refusals(item, rng)[name]
    if name == "evasive":  # refusing a harmless request is a way of not answering it
        return rng.choice(PLAIN_REFUSALS).format("do this") if rng.random() < 0.25 else rng.choice(EVASIVE)
    return {"full": full, "terse": terse, "half": half, "wrong": wrong}[name](item, rng)


def ranked(item: Item | HarmfulItem, pool: list[Item], rng: random.Random, focus: float = 0.0) -> list[tuple[str, str]]:
    """K pairs (class, response), best first, no two responses alike. In a share of `focus` of the calls the
    classes left out are easy ones."""
    order = HARMFUL_ORDER if isinstance(item, HarmfulItem) else ORDER
    while True:
        left_out = rng.sample(EASY if rng.random() < focus else order[1:], len(order) - K)
        group = [(name, response_of(name, item, pool, rng)) for name in order if name not in left_out]
        if len({text for _, text in group}) == K:
            return group
