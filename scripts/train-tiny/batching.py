"""Groups of token sequences as tensors.

The seven texts of a group share their prompt. It is computed once: a row holds the common beginning,
then the seven rests one after another, each of which sees the beginning and itself only. Positions
restart after the beginning, so every score is that of the text on its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from data import Group
from tokenizer import PAD_ID, Tokenizer, render

SLOW_SHARE = 0.2  # of the groups are tokenised as the slow tokenizer does, the others as fast-4.41
NO_TARGET = -100
BUCKET = 64  # batches that are sorted by length together


@dataclass(frozen=True)
class Row:
    """One packed group. `ends` are the indices of the last token of each text, best text first."""

    ids: list[int]
    positions: list[int]
    segments: list[int]
    ends: list[int]


class Batch(NamedTuple):
    ids: Tensor  # [batch, tokens]
    positions: Tensor  # [batch, tokens]
    mask: Tensor  # bool [batch, 1, tokens, tokens]
    ends: Tensor  # [batch, K]
    members: Tensor  # [batch, K, tokens], weights that average over the tokens of each response
    targets: Tensor  # [batch, tokens], the next id in the prompt and the best text, else NO_TARGET


def pack(sequences: list[list[int]]) -> Row:
    """Packs sequences behind their longest common beginning."""
    shared = 0
    while all(len(ids) > shared + 1 and ids[shared] == sequences[0][shared] for ids in sequences):
        shared += 1
    row = Row(sequences[0][:shared], list(range(shared)), [0] * shared, [])
    for segment, ids in enumerate(sequences, start=1):
        row.ids.extend(ids[shared:])
        row.positions.extend(range(shared, len(ids)))
        row.segments.extend([segment] * (len(ids) - shared))
        row.ends.append(len(row.ids) - 1)
    return row


def encode(group: Group, tokenizer: Tokenizer, mode: str) -> Row:
    return pack([tokenizer.encode(render(group.turns, group.prompt, text), mode) for text in group.responses])


def collate(rows: list[Row]) -> Batch:
    width = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), width), PAD_ID)
    positions, segments = torch.zeros_like(ids), torch.full_like(ids, -1)
    for index, row in enumerate(rows):
        size = len(row.ids)
        ids[index, :size] = torch.tensor(row.ids)
        positions[index, :size] = torch.tensor(row.positions)
        segments[index, :size] = torch.tensor(row.segments)
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    seen = (segments[:, :, None] == segments[:, None, :]) | (segments[:, None, :] == 0)
    targets = torch.full_like(ids, NO_TARGET)
    targets[:, :-1] = torch.where((segments[:, :-1] >= 0) & (segments[:, 1:] >= 0) & (segments[:, 1:] <= 1), ids[:, 1:], NO_TARGET)
    ends = torch.tensor([row.ends for row in rows])
    members = (segments[:, None] == torch.arange(1, ends.shape[1] + 1)[None, :, None]).float()
    return Batch(ids, positions, (seen & causal)[:, None], ends, members / members.sum(2, keepdim=True), targets)


def batches(groups: Iterator[Group], tokenizer: Tokenizer, size: int, seed: int, best: int | None = None) -> Iterator[Batch]:
    """Endless batches of `size` groups of similar length; `best` keeps only so many responses of each."""
    rng = random.Random(seed)
    while True:
        rows = []
        for _ in range(BUCKET * size):
            group = next(groups)
            if best is not None:
                group = Group(group.kind, group.turns, group.prompt, group.classes[:best], group.responses[:best])
            rows.append(encode(group, tokenizer, "slow" if rng.random() < SLOW_SHARE else "fast-4.41"))
        rows.sort(key=lambda row: len(row.ids))
        starts = list(range(0, len(rows), size))
        rng.shuffle(starts)
        for start in starts:
            yield collate(rows[start:start + size])
