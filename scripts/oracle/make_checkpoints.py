"""Writes the random tiny checkpoints under test/fixtures/checkpoints.

usage: python make_checkpoints.py OUT_DIR [NAME ...]

Every checkpoint has the layout of Starling-RM-34B: the trunk's tensors under `transformer.`, the
head as `v_head.weight`, a config.json like Yi's, a SentencePiece tokenizer.model without a
tokenizer.json. The weights come from a seed, so a second run writes the same bytes.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

import fixture_tokenizers

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


@dataclass(frozen=True)
class Spec:
    seed: int
    tokenizer: str
    hidden: int
    heads: int
    kv_heads: int
    ffn: int
    layers: int
    dtype: str
    # "single", "sharded" (safetensors with an index) or "bin" (torch.save shards with an index)
    storage: str = "single"
    # Tiny on purpose: with a mean square of embedding_std² near rms_norm_eps, a wrong eps shows.
    embedding_std: float = 0.02
    # Set from measurement so that the scores of the fixture texts have a standard deviation near 1.
    head_gain: float = 1.0


SPECS = {
    # as many kv heads as heads; rows of 48 and 72 are no multiple of 32
    "mha-f32": Spec(11, "yi_like", hidden=48, heads=3, kv_heads=3, ffn=72, layers=2, dtype="float32"),
    # 4:1, rows of 256 that every quantisation type takes
    "gqa4-bf16-sharded": Spec(
        12, "yi_like", hidden=256, heads=8, kv_heads=2, ffn=384, layers=2, dtype="bfloat16", storage="sharded"
    ),
    # 7:1 as in Yi-34B; rows of 224 are a multiple of 32 but not of 256
    "gqa7-bf16": Spec(13, "yi_like", hidden=224, heads=7, kv_heads=1, ffn=320, layers=2, dtype="bfloat16"),
    # 5:1 and rows of 80 and 112, no multiple of 32; embeddings so small that eps decides the first norm
    "odd-f16": Spec(
        14, "yi_like", hidden=80, heads=5, kv_heads=1, ffn=112, layers=3, dtype="float16", embedding_std=0.004
    ),
    # as older PyTorch checkpoints come: two torch.save shards with rotary buffers
    "bin-f16": Spec(15, "yi_like", hidden=64, heads=4, kv_heads=2, ffn=96, layers=2, dtype="float16", storage="bin"),
    "adversarial-prefix": Spec(
        16, "dummy_prefix", hidden=32, heads=2, kv_heads=1, ffn=64, layers=2, dtype="float32"
    ),
    "adversarial-tied": Spec(17, "tied", hidden=32, heads=2, kv_heads=1, ffn=64, layers=2, dtype="float32"),
}


def make_tensors(spec: Spec, vocab_size: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(spec.seed)

    def normal(*shape: int, std: float) -> torch.Tensor:
        return (torch.randn(*shape, generator=generator) * std).to(DTYPES[spec.dtype])

    def linear(rows: int, columns: int, gain: float = 1.0) -> torch.Tensor:
        return normal(rows, columns, std=gain / math.sqrt(columns))

    def norm() -> torch.Tensor:
        # Around 1 but not 1, so that a norm weight that is skipped or swapped shows.
        return (1 + 0.2 * torch.randn(spec.hidden, generator=generator)).to(DTYPES[spec.dtype])

    kv_rows = spec.hidden // spec.heads * spec.kv_heads
    tensors = {"transformer.embed_tokens.weight": normal(vocab_size, spec.hidden, std=spec.embedding_std)}
    for layer in range(spec.layers):
        prefix = f"transformer.layers.{layer}."
        # Queries and keys twice as large as usual: attention that is far from uniform makes wrong
        # rotations and wrong head groupings visible.
        tensors[prefix + "self_attn.q_proj.weight"] = linear(spec.hidden, spec.hidden, gain=2)
        tensors[prefix + "self_attn.k_proj.weight"] = linear(kv_rows, spec.hidden, gain=2)
        tensors[prefix + "self_attn.v_proj.weight"] = linear(kv_rows, spec.hidden)
        tensors[prefix + "self_attn.o_proj.weight"] = linear(spec.hidden, spec.hidden)
        tensors[prefix + "mlp.gate_proj.weight"] = linear(spec.ffn, spec.hidden)
        tensors[prefix + "mlp.up_proj.weight"] = linear(spec.ffn, spec.hidden)
        tensors[prefix + "mlp.down_proj.weight"] = linear(spec.hidden, spec.ffn)
        tensors[prefix + "input_layernorm.weight"] = norm()
        tensors[prefix + "post_attention_layernorm.weight"] = norm()
    tensors["transformer.norm.weight"] = norm()
    tensors["v_head.weight"] = linear(1, spec.hidden, gain=spec.head_gain)
    return tensors


def make_config(spec: Spec, vocab_size: int) -> dict:
    return {
        "architectures": ["LlamaForSequenceClassification"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": spec.hidden,
        "initializer_range": 0.02,
        "intermediate_size": spec.ffn,
        "max_position_embeddings": 4096,
        "model_type": "llama",
        "num_attention_heads": spec.heads,
        "num_hidden_layers": spec.layers,
        "num_key_value_heads": spec.kv_heads,
        "pad_token_id": 0,
        "pretraining_tp": 1,
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "rope_theta": 5000000.0,
        "tie_word_embeddings": False,
        "torch_dtype": spec.dtype,
        "transformers_version": "4.36.2",
        "use_cache": True,
        "vocab_size": vocab_size,
    }


def make_tokenizer_config() -> dict:
    added = {0: "<unk>", 1: "<|startoftext|>", 2: "<|endoftext|>", 6: "<|im_start|>", 7: "<|im_end|>", 8: "<|im_sep|>"}
    return {
        "add_bos_token": False,
        "add_eos_token": False,
        "added_tokens_decoder": {
            str(id_): {
                "content": content,
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
                "special": True,
            }
            for id_, content in added.items()
        },
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>", "<|im_sep|>"],
        "bos_token": "<|startoftext|>",
        "chat_template": (
            "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
            "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] "
            "+ '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
        ),
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|endoftext|>",
        "legacy": True,
        "model_max_length": 4096,
        "pad_token": "<unk>",
        "padding_side": "right",
        "sp_model_kwargs": {},
        "tokenizer_class": "LlamaTokenizer",
        "unk_token": "<unk>",
        "use_default_system_prompt": True,
    }


SPECIAL_TOKENS_MAP = {
    "additional_special_tokens": ["<|im_start|>", "<|im_end|>", "<|im_sep|>"],
    "bos_token": "<|startoftext|>",
    "eos_token": "<|endoftext|>",
    "pad_token": "<unk>",
    "unk_token": "<unk>",
}


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_weights(folder: Path, spec: Spec, tensors: dict[str, torch.Tensor]) -> None:
    if spec.storage == "single":
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    if spec.storage == "bin":
        head_dim = spec.hidden // spec.heads
        frequencies = 1.0 / (5000000.0 ** (torch.arange(0, head_dim, 2).float() / head_dim))
        for layer in range(spec.layers):
            # Older versions saved these buffers; a reader has to skip them.
            tensors[f"transformer.layers.{layer}.self_attn.rotary_emb.inv_freq"] = frequencies.clone()
    names = list(tensors)
    # The cut goes through the middle of a layer, and the head lands in the last shard.
    count = 3 if spec.storage == "sharded" else 2
    pattern, index_name = (
        ("model-{:05d}-of-{:05d}.safetensors", "model.safetensors.index.json")
        if spec.storage == "sharded"
        else ("pytorch_model-{:05d}-of-{:05d}.bin", "pytorch_model.bin.index.json")
    )
    weight_map = {}
    size = math.ceil(len(names) / count)
    for shard in range(count):
        file = pattern.format(shard + 1, count)
        part = {name: tensors[name] for name in names[shard * size : (shard + 1) * size]}
        weight_map.update({name: file for name in part})
        if spec.storage == "sharded":
            save_file(part, folder / file, metadata={"format": "pt"})
        else:
            torch.save(part, folder / file)
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    write_json(folder / index_name, {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))})


def main() -> None:
    out, *names = sys.argv[1:]
    for name in names or SPECS:
        spec = SPECS[name]
        folder = Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        model = getattr(fixture_tokenizers, spec.tokenizer)()
        kinds = fixture_tokenizers.describe(model)
        vocab_size = sum(kinds.values())
        (folder / "tokenizer.model").write_bytes(model)
        write_json(folder / "tokenizer_config.json", make_tokenizer_config())
        write_json(folder / "special_tokens_map.json", SPECIAL_TOKENS_MAP)
        write_json(folder / "config.json", make_config(spec, vocab_size))
        write_weights(folder, spec, make_tensors(spec, vocab_size))
        total = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{name}: {total} bytes, vocabulary {vocab_size} {kinds}")


if __name__ == "__main__":
    main()
