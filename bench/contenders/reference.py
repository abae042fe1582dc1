"""The model card's code in torch: padded to 2048 tokens like the card, or unpadded.

usage: python reference.py TASK_JSON, a file with {checkpoint, turns: [{ids, tokens}], threads, padded}. Follows the protocol
in ../contender.mjs. Needs torch and transformers (scripts/oracle/README.md).
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import transformers

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "oracle"))
import card  # noqa: E402
from protocol import read_task, serve  # noqa: E402

MAX_LENGTH = 2048


def main() -> None:
    task = read_task()
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(task["threads"])
    model = card.load(task["checkpoint"])

    def row(ids: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        length = MAX_LENGTH if task["padded"] else len(ids)
        tokens = torch.full((1, length), card.PAD_ID)
        tokens[0, : len(ids)] = torch.tensor(ids)
        mask = torch.zeros_like(tokens)
        mask[0, : len(ids)] = 1
        return tokens, mask

    def run(sequences: list[list[int]]) -> None:
        rows = [row(ids) for ids in sequences]
        if task["padded"]:
            # Like the card's get_reward(), which scores all texts as one batch.
            rows = [tuple(torch.cat(part) for part in zip(*rows))]
        for tokens, mask in rows:
            if not torch.isfinite(model(tokens, mask)).all():
                raise SystemExit("A score is not finite.")

    serve(task, run)


main()
