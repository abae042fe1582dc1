"""Held-out accuracy of a checkpoint: python evaluate.py [folder] [--count N]."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor

from batching import collate, encode
from checkpoint import MODEL_FOLDER, load
from data import Group, PreferenceSet, held_out_groups
from model import RewardModel
from tokenizer import Tokenizer

SEED = 20240319
HELD_OUT_SEED = SEED + 1
HELD_OUT_COUNT = 400


@torch.no_grad()
def score_groups(model: RewardModel, tokenizer: Tokenizer, groups: list[Group], mode: str = "fast-4.41") -> Tensor:
    """Scores [groups, K], best response first."""
    scores = []
    for start in range(0, len(groups), 16):
        batch = collate([encode(group, tokenizer, mode) for group in groups[start:start + 16]])
        scores.append(model(batch.ids, batch.positions, batch.mask).gather(1, batch.ends))
    return torch.cat(scores)


def pairwise(scores: Tensor) -> float:
    """Share of the pairs of a group whose better response has the higher score."""
    above = scores[:, :, None] > scores[:, None, :]
    upper = torch.ones(scores.shape[1], scores.shape[1], dtype=torch.bool).triu(1)
    return above[:, upper].float().mean().item()


def top_1(scores: Tensor) -> float:
    return (scores.argmax(1) == 0).float().mean().item()


def breakdown(scores: Tensor, groups: list[Group], key: Callable[[Group], str]) -> dict[str, float]:
    parts = defaultdict(list)
    for row, group in zip(scores, groups):
        parts[key(group)].append(row)
    return {name: pairwise(torch.stack(rows)) for name, rows in sorted(parts.items())}


def class_pairs(scores: Tensor, groups: list[Group]) -> dict[str, float]:
    """Accuracy for each pair of classes, worst first."""
    hits = defaultdict(list)
    for row, group in zip(scores.tolist(), groups):
        for i, better in enumerate(group.classes):
            for j in range(i + 1, len(group.classes)):
                hits[f"{better} > {group.classes[j]}"].append(row[i] > row[j])
    return dict(sorted(((name, sum(h) / len(h)) for name, h in hits.items()), key=lambda pair: pair[1]))


def report(scores: Tensor) -> str:
    return f"pairwise {pairwise(scores):.4f}  top-1 {top_1(scores):.4f}  mean {scores.mean():+.3f}  std {scores.std():.3f}"


@torch.no_grad()
def round_weights(model: RewardModel, bits: int, block: int = 32) -> RewardModel:
    """A copy whose matrices are rounded to `bits` in blocks with a minimum and a step of their own. This is
    close to what 4-bit GGUF types do, and a little harsher than q4_k_m; v_head stays as it is."""
    copy = deepcopy(model)
    for name, weight in copy.named_parameters():
        if weight.ndim == 2 and name != "v_head.weight":
            blocks = weight.view(-1, block)
            low = blocks.min(1, keepdim=True).values
            step = (blocks.max(1, keepdim=True).values - low).clamp_min(1e-12) / (2**bits - 1)
            weight.copy_((((blocks - low) / step).round() * step + low).view_as(weight))
    return copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--count", type=int, default=HELD_OUT_COUNT)
    options = parser.parse_args()
    torch.set_num_threads(2)
    model, tokenizer = load(options.folder)
    groups = held_out_groups(PreferenceSet(SEED), options.count, HELD_OUT_SEED)
    for mode in ("fast-4.41", "slow"):
        scores = score_groups(model, tokenizer, groups, mode)
        print(f"{mode:10} {report(scores)}")
        if mode == "fast-4.41":
            print("by kind:", {name: round(value, 3) for name, value in breakdown(scores, groups, lambda group: group.kind).items()})
            near = (scores[:, :-1] - scores[:, 1:]).flatten()
            print(f"margins between neighbours in rank: median {near.median():.3f}, a tenth below {near.quantile(0.1):.3f}")
            print("hardest:", {name: round(value, 3) for name, value in list(class_pairs(scores, groups).items())[:12]})
    for bits in (8, 4):
        print(f"{bits}-bit      {report(score_groups(round_weights(model, bits), tokenizer, groups))}")


if __name__ == "__main__":
    main()
