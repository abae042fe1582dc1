"""Trains starling-rm-tiny: python train.py [--out folder] [--pretrain-steps N] [--steps N].

1. A tokenizer is trained on the synthetic texts.
2. The trunk learns to predict the next token of questions with good answers, in place of the pre-training
   of the 34B's trunk.
3. Trunk and v_head are trained together by K-wise maximum likelihood: the Plackett-Luce model over seven
   ranked responses (arXiv 2301.11270; the method of the Starling reward models on the Nectar set).
   Next-token prediction goes on beside it, and the same loss on the mean score of each response. The
   lm_head is not stored, as in the 34B.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import tokenizer as tokens
from batching import NO_TARGET, Batch, batches
from checkpoint import MODEL_FOLDER, save
from data import PreferenceSet, held_out_groups
from evaluate import HELD_OUT_COUNT, HELD_OUT_SEED, SEED, report, score_groups
from model import Config, RewardModel

TOKENIZER_GROUPS = 6000
SHARPNESS = 2.0  # scores are multiplied by this in the loss only, so that clear orders need no large scores
SCORE_PENALTY = 0.1  # on the squared scores: keeps their mean near zero and their spread small
WEIGHT_DECAY = 0.05
MAX_GRADIENT = 1.0
RANKING_RATE = 0.6  # of the pre-training rate
AVERAGE_SHARE = 1.0  # weight of the same loss on the mean score of each response: it tells which tokens matter
NEXT_TOKEN_SHARE = 1.0  # weight of the next-token loss on the best response while ranking (as in arXiv 2406.10216)
WARM_UP = 100  # steps
FLOOR = 0.05  # the last learning rate, as a share of the highest
REPORT_EVERY, SAVE_EVERY = 50, 250


def plackett_luce(scores: Tensor) -> Tensor:
    """Mean negative log-likelihood of the order of `scores` [groups, K], best first:
    -sum_k log(exp(s_k) / sum_{j >= k} exp(s_j))."""
    rest = scores.flip(1).logcumsumexp(1).flip(1)
    return (rest - scores).sum(1).mean()


def optimiser(model: nn.Module, rate: float) -> torch.optim.AdamW:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}], lr=rate, betas=(0.9, 0.98))


def rate_at(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to FLOOR, as a share of the highest rate."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    done = (step - WARM_UP) / max(1, steps - WARM_UP)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done))


def run(model: nn.Module, data: Iterator[Batch], steps: int, rate: float, loss_of, name: str, after=None) -> None:
    """The training loop of both phases. `loss_of(batch)` is minimised; `after(step)` is called now and then."""
    chooser = optimiser(model, rate)
    start, total = time.time(), 0.0
    for step in range(steps):
        for group in chooser.param_groups:
            group["lr"] = rate * rate_at(step, steps)
        loss = loss_of(next(data))
        chooser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT)
        chooser.step()
        total += loss.item()
        if (step + 1) % REPORT_EVERY == 0:
            print(f"{name} {step + 1}/{steps}  loss {total / REPORT_EVERY:.4f}  {time.time() - start:.0f} s", flush=True)
            total = 0.0
        if after and ((step + 1) % SAVE_EVERY == 0 or step + 1 == steps):
            after(step + 1)


def tokenizer_texts(data: PreferenceSet) -> Iterator[str]:
    """Training texts only, without the special tokens; the sound answers count more than the noise."""
    for group in itertools.islice(data.stream("train", SEED + 2), TOKENIZER_GROUPS):
        yield from (f" user\n{group.prompt}", *(f" assistant\n{text}" for name, text in zip(group.classes, group.responses) if name != "garbled"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--pretrain-steps", type=int, default=800)
    parser.add_argument("--steps", type=int, default=1900)
    parser.add_argument("--batch", type=int, default=8, help="groups per step")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--pretrained", type=Path, help="keep the pre-trained trunk in this file, or start from it if it exists")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    random.seed(SEED)
    options.out.mkdir(parents=True, exist_ok=True)
    data = PreferenceSet(SEED)
    tokens.train(tokenizer_texts(data), options.out / "tokenizer.model")
    tokens.write_configs(options.out)
    tokenizer = tokens.Tokenizer(options.out / "tokenizer.model")
    config = Config(vocab_size=tokenizer.pieces.vocab_size())
    model = RewardModel(config)
    held_out = held_out_groups(data, HELD_OUT_COUNT, HELD_OUT_SEED)

    lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
    nn.init.normal_(lm_head.weight, std=config.hidden_size**-0.5)

    def next_token_loss(batch: Batch, hidden: Tensor) -> Tensor:
        chosen = (batch.targets.flatten() != NO_TARGET).nonzero().squeeze(1)
        logits = lm_head(hidden.flatten(0, 1).index_select(0, chosen))
        return F.cross_entropy(logits, batch.targets.flatten()[chosen])

    def pretraining_loss(batch: Batch) -> Tensor:
        return next_token_loss(batch, model.transformer(batch.ids, batch.positions, batch.mask))

    def ranking_loss(batch: Batch) -> Tensor:
        hidden = model.transformer(batch.ids, batch.positions, batch.mask)
        token_scores = model.v_head(hidden).squeeze(-1)
        scores = token_scores.gather(1, batch.ends)
        average = torch.einsum("bkt,bt->bk", batch.members, token_scores)
        main = plackett_luce(SHARPNESS * scores) + SCORE_PENALTY * scores.pow(2).mean()
        side = AVERAGE_SHARE * plackett_luce(SHARPNESS * average) + NEXT_TOKEN_SHARE * next_token_loss(batch, hidden)
        parts.append(main.item())
        return main + side

    parts: list[float] = []  # the main loss of each step, for the log
    both = nn.ModuleDict({"model": model, "lm_head": lm_head})
    if options.pretrained and options.pretrained.exists():
        both.load_state_dict(torch.load(options.pretrained, weights_only=True))
    else:
        run(both, batches(data.stream("train", SEED + 3), tokenizer, 2 * options.batch, SEED, best=1),
            options.pretrain_steps, options.rate, pretraining_loss, "pretrain")
        if options.pretrained:
            torch.save(both.state_dict(), options.pretrained)

    def checkpoint(step: int) -> None:
        save(model.state_dict(), config, options.out)
        count = HELD_OUT_COUNT if step == options.steps else 200
        print(f"Plackett-Luce loss {sum(parts[-SAVE_EVERY:]) / len(parts[-SAVE_EVERY:]):.4f}")
        print(f"held-out, f32, {count} prompts: {report(score_groups(model, tokenizer, held_out[:count]))}", flush=True)

    run(both, batches(data.stream("train", SEED + 4), tokenizer, options.batch, SEED + 5), options.steps, RANKING_RATE * options.rate, ranking_loss,
        "rank", checkpoint)


if __name__ == "__main__":
    main()
