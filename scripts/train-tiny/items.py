"""Requests with one known answer, built from the tables in tables/.

An Item is one thing that can be asked (say, the capital of Peru) with every wording of the question
and the material for answers of each quality. No item comes from a published data set.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from composed import context_questions, notes, summaries, sums
from wordings import WORDINGS

TABLES = Path(__file__).parent / "tables"


@dataclass(frozen=True)
class Item:
    """One request. `sentence` has one {} for an answer: the right `answer` or one of `wrong`."""

    kind: str
    prompts: tuple[str, ...]
    sentence: str
    answer: str
    wrong: tuple[str, ...]
    detail: str = ""
    half: tuple[str, ...] = field(default=())
    short: bool = True  # whether the bare answer is an answer on its own ("Lima.")


def rows(name: str) -> list[list[str]]:
    """The rows of tables/<name>.tsv; `\\n` in a cell is a newline, lines with # are comments."""
    lines = (TABLES / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    return [line.replace("\\n", "\n").split("\t") for line in lines if line and not line.startswith("#")]


def cap(text: str) -> str:
    return text[:1].upper() + text[1:]


def worded(kind: str, *values: str) -> tuple[str, ...]:
    return tuple(cap(wording.format(*values)) for wording in WORDINGS[kind])


def a(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def others(column: list[str], answer: str) -> tuple[str, ...]:
    return tuple(sorted({value for value in column if value != answer}))


def country_items() -> list[Item]:
    table = rows("countries")
    items = []
    for country, capital, city, continent, currency, language in table:
        cities = others([row[1] for row in table], capital)
        items += [
            Item("capital", worded("capital", country), f"The capital of {country} is {{}}.", capital,
                 (city, city, *cities), f"{country} is in {continent}, and {city} is another city there."),
            Item("currency", worded("currency", country), f"{country} uses {{}} as its currency.", currency,
                 others([row[4] for row in table], currency), f"You can pay with it in {capital} and elsewhere."),
            Item("language", worded("language", country), f"The main language of {country} is {{}}.", language,
                 others([row[5] for row in table], language), f"You will hear it in {capital} and in the villages."),
            Item("continent", worded("continent", country), f"{country} is in {{}}.", continent,
                 others([row[3] for row in table], continent), f"Its capital is {capital}."),
        ]
    return items


def animal_items() -> list[Item]:
    table = rows("animals")
    items = []
    for animal, young, sound, kind, food, home in table:
        items += [
            Item("young", worded("young", animal), f"The young of {a(animal)} is called {{}}.", a(young),
                 others([a(row[1]) for row in table], a(young)), f"It grows up to be {a(kind)} that eats {food}."),
            Item("sound", worded("sound", a(animal)), f"{cap(a(animal))} {{}}.", sound,
                 others([row[2] for row in table], sound), f"You may hear it near {home}."),
            Item("class", worded("class", a(animal)), f"{cap(a(animal))} is {{}}.", a(kind),
                 others([a(row[3]) for row in table], a(kind)), f"It eats {food} and its home is {home}."),
            Item("food", worded("food", a(animal)), f"{cap(a(animal))} mostly eats {{}}.", food,
                 others([row[4] for row in table], food), f"It is {a(kind)} and it {sound}."),
        ]
    return items


def element_items() -> list[Item]:
    table = rows("elements")
    items = []
    for name, symbol, number, use in table:
        items += [
            Item("symbol", worded("symbol", name), f"The chemical symbol for {name} is {{}}.", symbol,
                 others([row[1] for row in table], symbol), f"It is element number {number} and is used for {use}."),
            Item("use", worded("use", name), f"{cap(name)} is used for {{}}.", use,
                 others([row[3] for row in table], use), f"Its chemical symbol is {symbol}."),
        ]
    return items


def work_items() -> list[Item]:
    table = rows("works")
    return [
        Item(verb, worded("work", verb, work), f"{{}} {verb} {work}.", person,
             (other, other, *others([row[2] for row in table], person)), f"It made {person.split()[-1]} famous.")
        for verb, work, person, other in table
    ]


def word_items() -> list[Item]:
    languages = ("Spanish", "French", "German")
    table = rows("words")
    items = []
    for english, *foreign in table:
        for index, (language, word) in enumerate(zip(languages, foreign)):
            same_language = others([row[index + 1] for row in table], word)
            items.append(
                Item("translation", worded("translation", english, language),
                     f'The {language} word for "{english}" is "{{}}".', word, same_language,
                     f"You may write it down to remember it: {english}, {word}."))
    for word, opposite, similar in rows("opposites"):
        opposites = [row[1] for row in rows("opposites")]
        items += [
            Item("opposite", worded("opposite", word), f'The opposite of "{word}" is "{{}}".', opposite,
                 (similar, similar, *others(opposites, opposite)), f'A word close to "{word}" is "{similar}".'),
            Item("synonym", worded("synonym", word), f'A word that means much the same as "{word}" is "{{}}".', similar,
                 (opposite, opposite), f'Its opposite is "{opposite}".'),
        ]
    return items


def fact_items() -> list[Item]:
    items = [Item("fact", worded("fact", question), sentence, answer, (wrong,), "That is easy to check in any school book.")
             for question, sentence, answer, wrong in rows("facts")]
    definitions = rows("definitions")
    items += [Item("definition", worded("definition", term), f"{cap(term)} is {{}}.", meaning,
                   others([row[1] for row in definitions], meaning), remark,
                   (f"{cap(term)} is something that you learn about at school. {remark}",
                    f"I only know one thing about it: {remark}"), short=False)
              for term, meaning, remark in definitions]
    reasons = rows("why")
    items += [Item("why", worded("why", what), f"{cap(what)} because {{}}.", reason,
                   others([row[1] for row in reasons], reason), remark,
                   (f"I do not know the reason, but I know this. {remark}",
                    f"It is something about nature. {remark}"), short=False)
              for what, reason, remark in reasons]
    return items


def task_items() -> list[Item]:
    items = []
    for kind, name, form in (("howto", "howto", "To {0}, {{}}."), ("howto", "near_harmless", "To {0}, {{}}."),
                             ("advice", "advice", "{{}}.")):
        table = rows(name)
        for subject, steps, first in table:
            close = "Take your time, and tell me if a step is unclear." if kind == "howto" else \
                "It is understandable that this is on your mind, and small steps help."
            items.append(
                Item(kind, worded(kind, subject), form.format(subject), steps if kind == "howto" else cap(steps),
                     others([row[1] if kind == "howto" else cap(row[1]) for row in table], steps if kind == "howto" else cap(steps)),
                     close, (f"You could {first}. I do not remember the rest.", f"{cap(first)}, I suppose, and so on.",
                             f"Just {first}."), short=False))
    table = rows("code")
    for task, code, mistake in table:
        items.append(
            Item("code", worded("code", task), f"Here is a Python function that {task}:\n{{}}", code,
                 others([row[1] for row in table], code), "\nCall it with your own values to try it.",
                 (f"Here is a Python function that {task}:\n{mistake}", mistake, f"This may not be right:\n{mistake}")))
    return items


def list_items(rng: random.Random) -> list[Item]:
    table = [(name, members.split(", ")) for name, members in rows("lists")]
    items = []
    for name, members in table:
        for _ in range(4):
            three = rng.sample(members, 3)
            strange = rng.choice([other for other in table if other[0] != name])[1]
            wrong = tuple(", ".join(rng.sample(other, 2)) + " and " + rng.choice(other)
                          for category, other in table if category != name)
            items.append(
                Item("list", worded("list", name), f"Three {name} are {{}}.", f"{three[0]}, {three[1]} and {three[2]}",
                     wrong, f"Another one is {rng.choice([m for m in members if m not in three])}.",
                     (f"Three {name} are {three[0]}, {three[1]} and {rng.choice(strange)}.",
                      f"{cap(three[0])} is one. I cannot think of more.")))
    return items


def all_items(rng: random.Random) -> list[Item]:
    """Every item, in a fixed order for a given generator."""
    items = country_items() + animal_items() + element_items() + work_items() + word_items()
    items += fact_items() + task_items() + list_items(rng)
    for kind, prompts, sentence, answer, wrong, detail, half, short in [*sums(), *notes(), *summaries(rng), *context_questions(rng)]:
        items.append(Item(kind, prompts, sentence, answer, wrong, detail, half, short))
    return items
