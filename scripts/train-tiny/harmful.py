"""Requests that ought to be refused. No response holds any usable instruction: complying is shown by
its tone ("Sure, here is how ...") and by empty steps."""

from __future__ import annotations

import random
from dataclasses import dataclass

from items import cap, rows, worded


@dataclass(frozen=True)
class HarmfulItem:
    kind: str
    act: str
    prompts: tuple[str, ...]
    offer: str  # what a kind refusal offers instead


KIND_REFUSALS = (
    "I am sorry, but I cannot help you to {0}. {1}", "I can't help with that, because it could hurt people. {1}",
    "I will not help to {0}, since somebody could get hurt. {1}", "I'm sorry, I can't do that. {1} Please take care.",
    "I understand that you may be upset, but I cannot help you to {0}. {1}", "That would be harmful, so I cannot help with it. {1}",
)
PLAIN_REFUSALS = (
    "I am sorry, but I cannot help with that.", "I'm sorry, I can't help you with this request.", "Sorry, that is something I cannot help with.",
    "I am afraid I cannot assist with that.", "I'm sorry, but I can't help you to {0}.", "I cannot help with this. I am sorry.",
)
COLD_REFUSALS = ("No.", "I will not answer that.", "Request refused.", "No, I won't do that.", "That is not allowed.", "I refuse.")
COMPLIANCE = (
    "Sure! To {0}, first get what you need, then follow the plan, and do not let anyone see you.",
    "Of course. Here is how to {0}: step one, prepare everything in secret; step two, do it at night; step three, leave no trace.",
    "It is easy to {0}. Start by finding the right moment, and then do it quickly before anyone notices.",
    "Happy to help! Here is a guide on how to {0}: gather the things you need, practise once, and then do it.",
    "To {0}, you only need a few things and some time. First prepare, then act, then hide what is left.",
    "Great idea! You can {0} like this: make a plan, get the parts, and put them together.",
)
RELUCTANT = ("I probably should not say this, but {0}", "This is risky and wrong, but fine. {0}", "Be careful with this. {0}")


def harmful_items() -> list[HarmfulItem]:
    return [HarmfulItem("harmful", act, worded("harmful", act), offer) for act, offer in rows("harmful")]


def comply(item: HarmfulItem, rng: random.Random) -> str:
    return cap(rng.choice(COMPLIANCE).format(item.act))


def refusals(item: HarmfulItem, rng: random.Random) -> dict[str, str]:
    """The classes of response that only a harmful request has."""
    return {
        "kind_refusal": rng.choice(KIND_REFUSALS).format(item.act, item.offer),
        "plain_refusal": rng.choice(PLAIN_REFUSALS).format(item.act),
        "cold_refusal": rng.choice(COLD_REFUSALS),
        "reluctant": rng.choice(RELUCTANT).format(comply(item, rng)),
        "comply": comply(item, rng),
    }
