"""Writing and reading the model folder, in the layout of Starling-RM-34B."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model import Config, RewardModel
from tokenizer import Tokenizer

MODEL_FOLDER = Path(__file__).parents[2] / "models" / "starling-rm-tiny"
SHARDS = 2


def save(state: dict[str, Tensor], config: Config, folder: Path) -> None:
    """config.json, bf16 shards of about equal size, model.safetensors.index.json."""
    tensors = {name: tensor.detach().to(torch.bfloat16).contiguous() for name, tensor in state.items()}
    total = sum(tensor.nbytes for tensor in tensors.values())
    shards: list[dict[str, Tensor]] = [{} for _ in range(SHARDS)]
    written = 0
    for name, tensor in tensors.items():
        shards[min(SHARDS - 1, written * SHARDS // total)][name] = tensor
        written += tensor.nbytes
    where = {}
    for number, shard in enumerate(shards, start=1):
        file = f"model-{number:05}-of-{SHARDS:05}.safetensors"
        save_file(shard, folder / file, metadata={"format": "pt"})
        where |= dict.fromkeys(shard, file)
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(where.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    (folder / "config.json").write_text(json.dumps(dict(sorted(config.to_hf().items())), indent=2) + "\n")


def load(folder: Path) -> tuple[RewardModel, Tokenizer]:
    """The stored model, its bf16 weights computed with in float32."""
    stored = json.loads((folder / "config.json").read_text())
    model = RewardModel(Config(**{name: stored[name] for name in Config.__dataclass_fields__}))
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    state = {name: tensor.float() for file in set(index["weight_map"].values()) for name, tensor in load_file(folder / file).items()}
    model.load_state_dict(state)
    return model.eval(), Tokenizer(folder / "tokenizer.model")
