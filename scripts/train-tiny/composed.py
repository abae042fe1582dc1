"""Requests that are put together from parts: sums, thank-you notes, summaries, questions on a text.

Each row is (kind, prompts, sentence, answer, wrong answers, detail, half-right responses, short);
the fields are those of items.Item.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

Row = tuple[str, tuple[str, ...], str, str, tuple[str, ...], str, tuple[str, ...], bool]

ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_words(number: int) -> str:
    """0 to 100 in English words."""
    if number < 20:
        return ONES[number]
    if number == 100:
        return "a hundred"
    tens, ones = divmod(number, 10)
    return TENS[tens] + (f"-{ONES[ones]}" if ones else "")


def sums() -> Iterator[Row]:
    for left in range(2, 7):
        for right in range(2, 7):
            for word, result in (("plus", left + right), ("minus", left - right), ("times", left * right)):
                if result < 0:
                    continue
                a, b, answer = in_words(left), in_words(right), in_words(result)
                wrong = tuple(in_words(result + off) for off in (-2, -1, 1, 2, 3) if 0 <= result + off <= 100)
                prompts = (f"What is {a} {word} {b}?", f"How much is {a} {word} {b}?", f"Work out {a} {word} {b}.",
                           f"Calculate {a} {word} {b}.", f"Can you tell me what {a} {word} {b} is?", f"{a} {word} {b} is how much?".capitalize())
                check = {"plus": f"You can check it: take away {b} and you are back at {a}.",
                         "minus": f"You can check it: add {b} and you are back at {a}.",
                         "times": f"You can check it by adding {a} again and again."}[word]
                yield "sum", prompts, f"{a.capitalize()} {word} {b} is {{}}.", answer, wrong, check, (), True


RECIPIENTS = "teacher,boss,neighbour,grandmother,doctor,landlord,coach,friend,colleague,uncle".split(",")
REASONS = ("the lovely dinner", "the birthday present", "your help with the move", "the flowers", "the good advice", "the book",
           "fixing my bike", "looking after my dog", "the ride to the station", "your patience", "the cake", "the concert ticket")


def notes() -> Iterator[Row]:
    for recipient in RECIPIENTS:
        for reason in REASONS:
            prompts = (f"Write a short thank-you note to my {recipient} for {reason}.",
                       f"Help me thank my {recipient} for {reason}.",
                       f"I want to thank my {recipient} for {reason}. Please write two lines.",
                       f"Draft a message to my {recipient}. It should say thanks for {reason}.")
            wrong = tuple(other for other in REASONS if other != reason)
            yield ("note", prompts, f"Dear {recipient}, thank you so much for {{}}.", reason, wrong,
                   "It meant a lot to me and I was very happy about it. Warm wishes.",
                   (f"Dear {recipient}, thanks.", "Thanks a lot for everything.", f"Write something like thanks to your {recipient}."), False)


NAMES = "Anna Tom Maria Peter Lucy Omar Nina Jack Sofia Ben Clara David Emma Felix Grace Hugo".split()
PLACES = "Oslo,Lisbon,Lima,Dublin,Vienna,Accra,Hanoi,Boston,Leeds,Porto".split(",")
EVENTS = (
    ("opened a small bakery", "It sells rye bread and is full every morning", "new bakery", "is a success"),
    ("started a bike repair shop", "Many students bring their old bikes there", "bike shop", "is popular with students"),
    ("founded a choir for beginners", "Forty people came to the first evening", "choir", "drew forty people"),
    ("planted a garden on a roof", "The neighbours now share the vegetables", "roof garden", "feeds the neighbours"),
    ("wrote a book about trains", "It sold out within a month", "book about trains", "sold out quickly"),
    ("set up a library in a bus", "It visits a different school each day", "bus library", "visits schools"),
    ("won a race for charity", "The prize went to a hospital", "race", "raised money for a hospital"),
    ("taught a robot to paint", "The pictures hang in a museum now", "painting robot", "made it into a museum"),
)


def summaries(rng: random.Random, count: int = 260) -> Iterator[Row]:
    seen = set()
    while len(seen) < count:
        key = (rng.choice(NAMES), rng.randrange(len(EVENTS)), rng.choice(PLACES))
        if key in seen:
            continue
        seen.add(key)
        name, event, place = key
        did, more, thing, outcome = EVENTS[event]
        passage = f"{name} {did} in {place} last year. {more}."
        prompts = (f"Summarise this in one sentence: {passage}", f"{passage} Give me a short summary.", f"What is this text about? {passage}")
        wrong = tuple(f"{rng.choice(NAMES)}'s {other[2]} in {place} {other[3]}" for index, other in enumerate(EVENTS) if index != event)
        half = (f"It is about {name}.", f"Something happened in {place}.", f"{name} did something last year.")
        yield "summary", prompts, "{}.", f"{name}'s {thing} in {place} {outcome}", wrong, f"{name} {did} there last year.", half, False


COLOURS = "red blue green yellow black white grey brown".split()
THINGS = "bike car coat bag hat cup chair lamp".split()


def context_questions(rng: random.Random, count: int = 260) -> Iterator[Row]:
    for _ in range(count):
        first, second = rng.sample(NAMES, 2)
        thing, other_thing = rng.sample(THINGS, 2)
        colour, other_colour, third = rng.sample(COLOURS, 3)
        text = f"{first} has a {colour} {thing} and {second} has a {other_colour} {other_thing}."
        prompts = (f"{text} What colour is the {thing}?", f"{text} Which colour does {first}'s {thing} have?",
                   f"Read this: {text} Now tell me the colour of the {thing}.")
        half = (f"It is {colour} or {other_colour}.", f"I think it is {colour}, but I am not sure.", f"Maybe {colour}, maybe {third}.")
        yield ("context", prompts, f"The {thing} is {{}}.", colour, (third, third, other_colour),
               f"The text says that it belongs to {first}.", half, True)
