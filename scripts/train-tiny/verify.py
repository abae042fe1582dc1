"""Compares this code with transformers on the stored checkpoint: python verify.py [folder].

- the token ids of both modes (the fast tokenizer of the pinned transformers is the fast-4.41 mode);
- the scores: transformers' LlamaModel in float32 and v_head on the last token, each text on its own.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaModel, LlamaTokenizer, LlamaTokenizerFast

from checkpoint import MODEL_FOLDER, load
from data import PreferenceSet
from evaluate import HELD_OUT_SEED, SEED, score_groups
from tokenizer import render

GROUPS = 60
ALLOWED = 1e-3


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=MODEL_FOLDER)
    folder = parser.parse_args().folder
    model, tokenizer = load(folder)
    data = PreferenceSet(SEED)
    groups = [*itertools.islice(data.stream("heldout", HELD_OUT_SEED), GROUPS)]
    texts = [render(group.turns, group.prompt, response) for group in groups for response in group.responses]

    references = {"fast-4.41": LlamaTokenizerFast.from_pretrained(folder), "slow": LlamaTokenizer.from_pretrained(folder)}
    for mode, reference in references.items():
        differing = sum(tokenizer.encode(text, mode) != reference(text)["input_ids"] for text in texts)
        print(f"{mode}: {differing} of {len(texts)} texts tokenised otherwise than by transformers {transformers.__version__}")
        assert not differing

    index = json.loads((folder / "model.safetensors.index.json").read_text())
    state = {name: tensor.float() for file in set(index["weight_map"].values()) for name, tensor in load_file(folder / file).items()}
    trunk = LlamaModel(LlamaConfig.from_pretrained(folder)).float().eval()
    trunk.load_state_dict({name.removeprefix("transformer."): tensor for name, tensor in state.items() if name != "v_head.weight"})
    expected = []
    for text in texts:
        ids = torch.tensor([references["fast-4.41"](text)["input_ids"]])
        hidden = trunk(ids, output_hidden_states=True).hidden_states[-1]
        expected.append((hidden[0, -1] @ state["v_head.weight"][0]).item())
    difference = (score_groups(model, tokenizer, groups).flatten() - torch.tensor(expected)).abs().max().item()
    print(f"scores: largest difference {difference:.2e} over {len(texts)} texts")
    assert difference < ALLOWED


if __name__ == "__main__":
    main()
