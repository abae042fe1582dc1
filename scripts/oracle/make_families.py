"""Writes test/fixtures/families: random tiny checkpoints of every family of heads, in parts that families share.

usage: python make_families.py OUT_DIR

- tokenizers/bpe, tokenizers/spm: tokenizer files of Llama 3's and Llama 2's kind, as make_relatives.py makes them.
- trunks/bpe.safetensors, trunks/spm.safetensors: a trunk for each.
- NAME.safetensors: a family's own tensors, its head among them.
- families.json: for each family the tokenizer, config.json and what its tokenizer_config.json has of its own.

families.py puts them together. Run it with transformers 4.38.2. The weights come from seeds, so a second run writes the same bytes.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from make_relatives import Spec, llama_2_files, llama_3, make_tensors, write, LLAMA_2_TEMPLATE

CLS = "<|reserved_special_token_1|>"
# As Llama 3.2's: it writes the date of today.
DATED_TEMPLATE = """{{ bos_token + '<|start_header_id|>system<|end_header_id|>\\n\\nToday Date: ' + strftime_now('%d %b %Y') + '<|eot_id|>' }}\
{%- for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}"""
HIDDEN = 48
ROWS = 20

TRUNKS = {
    "bpe": Spec(31, "bpe", "model.", "score.weight", HIDDEN, 4, 2, 64, 2, torch.bfloat16),
    "spm": Spec(32, "spm", "model.", "score.weight", HIDDEN, 4, 4, 64, 2, torch.float16),
}


def normal(seed: int, *shape: int, std: float) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * std


def row(seed: int, width: int = HIDDEN) -> torch.Tensor:
    return normal(seed, 1, width, std=1 / math.sqrt(width)).to(torch.bfloat16)


def layers(prefix: str, seed: int) -> dict[str, torch.Tensor]:
    return {
        f"{prefix}.0.weight": normal(seed, ROWS, HIDDEN, std=1 / math.sqrt(HIDDEN)),
        f"{prefix}.0.bias": normal(seed + 1, ROWS, std=0.3),
        f"{prefix}.2.weight": normal(seed + 2, 1, ROWS, std=1.5 / math.sqrt(ROWS)),
        f"{prefix}.2.bias": normal(seed + 3, 1, std=0.3),
    }


def families(sizes: dict[str, int]) -> dict[str, dict]:
    """tokenizer, architectures, tensors and what config.json and tokenizer_config.json have of their own."""
    sequence = ["LlamaForSequenceClassification"]
    return {
        "athene": {
            "tokenizer": "bpe", "architectures": ["AutoModelForSequenceClassification"],
            "tensors": {"v_head.weight": row(101)}, "tokenizer_config": {"cls_token": CLS},
        },
        "ultra-rm": {
            "tokenizer": "spm", "architectures": ["LlamaRewardModel"], "tensors": {"regression_head.weight": row(102)},
        },
        "eurus": {
            "tokenizer": "spm", "architectures": ["EurusRewardModel"], "tensors": {"regression_head.weight": row(103)},
            "config": {"model_type": "mistral", "sliding_window": None},
        },
        "beaver-reward": {
            "tokenizer": "spm", "architectures": ["LlamaForScore"],
            "tensors": {
                "score_head.weight": row(104), "score_head.bias": normal(105, 1, std=0.4),
                "normalizer.mean": torch.tensor([0.75]), "normalizer.var": torch.tensor([2.25]),
                "normalizer.count": torch.tensor([100]),
            },
            "config": {"score_type": "reward", "do_normalize": False, "normalizer_type": "RunningMeanStd", "score_dim": 1},
        },
        "beaver-cost": {
            "tokenizer": "spm", "architectures": ["LlamaModelForScore"],
            "tensors": {
                "score_head.weight": row(106), "score_head.bias": normal(107, 1, std=0.4),
                "normalizer.mean": torch.tensor([0.75]), "normalizer.var": torch.tensor([6.25]),
                "normalizer.count": torch.tensor([100]),
            },
            "config": {"score_type": "cost", "do_normalize": True, "normalizer_type": "RunningMeanStd"},
        },
        "ziya": {
            "tokenizer": "spm", "architectures": ["LlamaRewardForSequenceClassification"],
            "tensors": {
                "v_head.summary.weight": row(108), "v_head.summary.bias": normal(109, 1, std=0.4),
                "lm_head.weight": normal(110, sizes["spm"], HIDDEN, std=0.02).to(torch.float16),
            },
            "config": {"_name_or_path": "IDEA-CCNL/Ziya-LLaMA-7B-Reward"},
        },
        "value-head": {
            "tokenizer": "bpe", "architectures": ["LlamaForCausalLM"],
            "tensors": {"v_head.summary.weight": row(111), "v_head.summary.bias": normal(112, 1, std=0.4)},
        },
        "grm": {"tokenizer": "bpe", "architectures": ["LlamaForCausalLM"], "tensors": layers("v_head.summary", 113)},
        "inf-orm": {
            "tokenizer": "bpe", "architectures": ["INFORMForSequenceClassification"], "tensors": layers("score", 117),
        },
        "nemotron": {
            "tokenizer": "bpe", "architectures": ["LlamaForCausalLM"],
            "tensors": {"lm_head.weight": normal(121, sizes["bpe"], HIDDEN, std=1 / math.sqrt(HIDDEN)).to(torch.bfloat16)},
            "config": {"_name_or_path": "nvidia/Llama-3.1-Nemotron-70B-Reward-HF"},
        },
        "openrlhf": {
            "tokenizer": "bpe", "architectures": ["RewardModel"], "tensors": {"reward_head.weight": row(122)},
            "config": {"value_head_prefix": "reward_head", "mean": 1.5, "std": 2.5, "normalize_reward": True},
        },
        "trl-old": {
            "tokenizer": "bpe", "architectures": sequence, "tensors": {"score.weight": row(123)},
            "config": {"pad_token": "<|eot_id|>", "transformers_version": "4.44.2"},
            "tokenizer_config": {"pad_token": "<|eot_id|>"},
        },
        "trl-new": {
            "tokenizer": "bpe", "architectures": sequence, "tensors": {"score.weight": row(124)},
            "config": {"pad_token": "<|eot_id|>", "transformers_version": "4.51.3"},
            "tokenizer_config": {"pad_token": "<|eot_id|>"},
        },
        "trl-spm": {
            "tokenizer": "spm", "architectures": sequence, "tensors": {"score.weight": row(125)},
            "config": {"pad_token_id": 2, "transformers_version": "4.44.2"},
            "tokenizer_config": {"pad_token": "</s>"},
        },
        "skywork-v2-llama": {
            "tokenizer": "bpe", "architectures": sequence, "tensors": {"score.weight": row(126)},
            "config": {"pad_token": None, "transformers_version": "4.52.4"},
            # Not among the tokens of tokenizer.json: transformers adds it behind them.
            "tokenizer_config": {"pad_token": "<|finetune_right_pad_id|>", "chat_template": DATED_TEMPLATE},
        },
        "mistral-seqcls": {
            "tokenizer": "spm", "architectures": ["MistralForSequenceClassification"], "tensors": {"score.weight": row(127)},
            "config": {"model_type": "mistral", "sliding_window": 4096, "transformers_version": "4.38.0", "pad_token_id": 480},
        },
    }  # fmt: skip


def tokenizers() -> tuple[dict[str, dict], dict[str, int], dict[str, dict]]:
    bpe, _, bpe_ids = llama_3()
    value = bpe["tokenizer.json"]
    # The vocabulary may list the added tokens as well.
    cls_id = max([*value["model"]["vocab"].values(), *(token["id"] for token in value["added_tokens"])]) + 1
    cls = {
        "id": cls_id, "content": CLS, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
        "special": True,
    }  # fmt: skip
    value["added_tokens"].append(cls)
    bpe["tokenizer_config.json"]["added_tokens_decoder"][str(cls_id)] = {k: v for k, v in cls.items() if k != "id"}
    pieces = {0: "<unk>", 1: "<s>", 2: "</s>", 480: "[PAD]"}
    spm = llama_2_files({"chat_template": LLAMA_2_TEMPLATE, "pad_token": "[PAD]"}, pieces)
    spm_ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 480}
    return {"bpe": bpe, "spm": spm}, {"bpe": cls_id + 4, "spm": 488}, {"bpe": bpe_ids, "spm": spm_ids}


def main() -> None:
    out = Path(sys.argv[1])
    files, sizes, ids = tokenizers()
    for name, contents in files.items():
        for file, content in contents.items():
            write(out / "tokenizers" / name / file, content)
    for name, spec in TRUNKS.items():
        tensors = make_tensors(spec, sizes[name])
        del tensors[spec.head]
        (out / "trunks").mkdir(exist_ok=True)
        save_file(tensors, out / "trunks" / f"{name}.safetensors", metadata={"format": "pt"})
    described = {}
    for name, family in families(sizes).items():
        tokenizer = family["tokenizer"]
        spec = TRUNKS[tokenizer]
        tensors = {key: value.contiguous() for key, value in family["tensors"].items()}
        save_file(tensors, out / f"{name}.safetensors", metadata={"format": "pt"})
        own = dict(family.get("config", {}))
        if "pad_token" in own:
            token = own.pop("pad_token")
            added = files[tokenizer]["tokenizer.json"]["added_tokens"]
            own["pad_token_id"] = next((entry["id"] for entry in added if entry["content"] == token), None)
        config = {
            "architectures": family["architectures"], "hidden_act": "silu", "hidden_size": HIDDEN,
            "intermediate_size": spec.ffn, "max_position_embeddings": 4096, "model_type": "llama",
            "num_attention_heads": spec.heads, "num_hidden_layers": spec.layers, "num_key_value_heads": spec.kv_heads,
            "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "tie_word_embeddings": False, "vocab_size": sizes[tokenizer],
            "torch_dtype": str(spec.dtype).removeprefix("torch."),
            "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}, **ids[tokenizer], **own,
        }  # fmt: skip
        described[name] = {
            "tokenizer": tokenizer, "config": config, "tokenizerConfig": family.get("tokenizer_config", {}),
        }  # fmt: skip
    write(out / "families.json", described)


if __name__ == "__main__":
    main()
