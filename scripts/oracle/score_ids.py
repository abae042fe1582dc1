"""Scores id lists with the card's model, with the transformers of this environment.

usage: python score_ids.py CHECKPOINT < IDS_JSON > SCORES_JSON

IDS_JSON is a list of id lists. Every one is scored alone and unpadded. Every PADDED_EVERY-th is also
scored padded to 2048 as the card does; SCORES_JSON tells the largest difference that made.
"""

from __future__ import annotations

import json
import sys

import torch
import transformers

import card

MAX_LENGTH = 2048
PADDED_EVERY = 9


def main() -> None:
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    model = card.load(sys.argv[1])
    lists = json.load(sys.stdin)
    scores = []
    padded_difference = 0.0
    padded_count = 0
    for index, ids in enumerate(lists):
        row = torch.tensor([ids])
        score = model(row, torch.ones_like(row)).item()
        scores.append(score)
        if index % PADDED_EVERY == 0:
            padding = torch.full((1, MAX_LENGTH - len(ids)), card.PAD_ID)
            mask = torch.cat([torch.ones_like(row), torch.zeros_like(padding)], dim=1)
            padded = model(torch.cat([row, padding], dim=1), mask).item()
            padded_difference = max(padded_difference, abs(padded - score))
            padded_count += 1
    json.dump(
        {
            "versions": {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]},
            "scores": scores,
            "paddedCount": padded_count,
            "paddedDifference": padded_difference,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
