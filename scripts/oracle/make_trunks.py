"""Writes the random tiny checkpoints of the trunks beside Llama under test/fixtures/checkpoints.

usage: python make_trunks.py OUT_DIR [NAME ...]

- hf-mistral: Llama's layers with a window of 256 tokens, heads wider than hidden_size, SentencePiece.
- hf-qwen2: biases, tied embeddings, a byte-level BPE of Qwen's kind (NFC, single digits), the template's own tokens.
- hf-qwen3: norms of queries and keys, heads wider than hidden_size.
- hf-gemma2: soft caps and windows that short texts reach, norms plus one; SentencePiece with Gemma's flags and tokenizer.json.
- hf-gemma2-scaled: another query_pre_attn_scalar than head_dim, one key-value head, float32.

Run it with transformers 4.44.2, whose converter makes the tokenizer.json that Gemma's repositories have. The weights come from a
seed, so a second run writes the same bytes.
"""

from __future__ import annotations

import io
import json
import math
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import sentencepiece
import torch
from safetensors.torch import save_file
from tokenizers import normalizers, processors

from corpus import SENTENCES
from make_relatives import LLAMA_2_TEMPLATE, byte_pair, llama_2_files, write

QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Templates in the manner of Qwen and Gemma, in this project's words.
CHATML_TEMPLATE = """{% for message in messages %}\
{% if loop.first and message['role'] != 'system' %}{{ '<|im_start|>system\\nYou are a helpful bird.<|im_end|>\\n' }}{% endif %}\
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
GEMMA_TEMPLATE = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}\
{% for message in messages %}{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}\
{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"""


@dataclass(frozen=True)
class Spec:
    seed: int
    tokenizer: str
    model_type: str
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    layers: int
    dtype: torch.dtype
    config: dict = field(default_factory=dict)


SPECS = {
    "hf-mistral": Spec(
        31, "mistral", "mistral", 48, 4, 2, 16, 72, 2, torch.float16,
        config={"rope_theta": 10000.0, "sliding_window": 256, "head_dim": 16},
    ),
    "hf-qwen2": Spec(
        32, "qwen", "qwen2", 64, 4, 2, 16, 96, 2, torch.bfloat16,
        config={
            "rope_theta": 1000000.0, "tie_word_embeddings": True,
            "use_sliding_window": False, "sliding_window": 128, "max_window_layers": 1,
        },
    ),
    "hf-qwen3": Spec(
        33, "qwen", "qwen3", 64, 4, 2, 32, 96, 2, torch.bfloat16,
        config={
            "attention_bias": False, "head_dim": 32, "rope_theta": 1000000, "use_sliding_window": False,
            "sliding_window": None, "max_window_layers": 2,
        },
    ),
    "hf-gemma2": Spec(
        34, "gemma", "gemma2", 64, 4, 2, 32, 96, 4, torch.bfloat16,
        config={
            "attn_logit_softcapping": 3.0, "final_logit_softcapping": 30.0, "head_dim": 32,
            "query_pre_attn_scalar": 32, "sliding_window": 40,
        },
    ),
    "hf-gemma2-scaled": Spec(
        35, "gemma", "gemma2", 48, 4, 1, 16, 72, 3, torch.float32,
        config={
            "attn_logit_softcapping": 50.0, "final_logit_softcapping": None, "head_dim": 16,
            "query_pre_attn_scalar": 40, "sliding_window": 4096,
        },
    ),
}  # fmt: skip


def mistral() -> tuple[dict[str, bytes | dict], int, dict]:
    files = llama_2_files({"chat_template": LLAMA_2_TEMPLATE, "pad_token": None}, {0: "<unk>", 1: "<s>", 2: "</s>"})
    return files, 480, {"bos_token_id": 1, "eos_token_id": 2}


def qwen() -> tuple[dict[str, bytes | dict], int, dict]:
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = byte_pair(special, QWEN_SPLIT, 500)
    tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    value = json.loads(tokenizer.to_str())
    for token in value["added_tokens"]:
        token["normalized"] = False
    config = {
        "add_bos_token": False, "add_prefix_space": False,
        "added_tokens_decoder": {
            str(token["id"]): {key: flag for key, flag in token.items() if key != "id"} for token in value["added_tokens"]
        },
        "additional_special_tokens": special[1:], "bos_token": None, "chat_template": CHATML_TEMPLATE,
        "clean_up_tokenization_spaces": False, "eos_token": special[2], "errors": "replace", "model_max_length": 131072,
        "pad_token": special[0], "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer", "unk_token": None,
    }  # fmt: skip
    files = {
        "tokenizer.json": value,
        "tokenizer_config.json": config,
        "vocab.json": value["model"]["vocab"],
        "merges.txt": "\n".join(merge if isinstance(merge, str) else " ".join(merge) for merge in value["model"]["merges"]).encode(),
    }
    ids = {"bos_token_id": tokenizer.token_to_id(special[0]), "eos_token_id": tokenizer.token_to_id(special[2])}
    ids["pad_token_id"] = tokenizer.token_to_id(special[0])
    # More rows than tokens, as Qwen's have.
    return files, tokenizer.get_vocab_size() + 11, ids


GEMMA_USER_DEFINED = ["<mask>", "[@BOS@]", "<unused0>", "<start_of_turn>", "<end_of_turn>", "\n", "\n\n", "▁▁", "▁▁▁", "▁▁▁▁", "<h1>"]


def gemma_pieces() -> bytes:
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=out, model_type="bpe", vocab_size=480,
        character_coverage=0.985, normalization_rule_name="identity", add_dummy_prefix=False,
        remove_extra_whitespaces=False, split_digits=True, byte_fallback=True, allow_whitespace_only_pieces=True,
        pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>", unk_piece="<unk>",
        user_defined_symbols=GEMMA_USER_DEFINED, num_threads=1, minloglevel=2,
    )  # fmt: skip
    return out.getvalue()


def gemma() -> tuple[dict[str, bytes | dict], int, dict]:
    from transformers import GemmaTokenizerFast

    pieces = gemma_pieces()
    config = {
        "add_bos_token": True, "add_eos_token": False,
        "additional_special_tokens": ["<start_of_turn>", "<end_of_turn>"], "bos_token": "<bos>", "chat_template": GEMMA_TEMPLATE,
        "clean_up_tokenization_spaces": False, "eos_token": "<eos>", "model_max_length": 1000000000000000019884624838656,
        "pad_token": "<pad>", "sp_model_kwargs": {}, "spaces_between_special_tokens": False,
        "tokenizer_class": "GemmaTokenizer", "unk_token": "<unk>", "use_default_system_prompt": False,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.model"
        path.write_bytes(pieces)
        tokenizer = GemmaTokenizerFast(
            vocab_file=str(path), additional_special_tokens=config["additional_special_tokens"]
        )
        value = json.loads(tokenizer.backend_tokenizer.to_str())
    config["added_tokens_decoder"] = {
        str(token["id"]): {key: flag for key, flag in token.items() if key != "id"} for token in value["added_tokens"]
    }
    files = {"tokenizer.model": pieces, "tokenizer.json": value, "tokenizer_config.json": config}
    return files, 480, {"bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}


def make_tensors(spec: Spec, vocab_size: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(spec.seed)
    is_gemma = spec.model_type == "gemma2"

    def normal(*shape: int, std: float) -> torch.Tensor:
        return (torch.randn(*shape, generator=generator) * std).to(spec.dtype)

    def linear(rows: int, columns: int, gain: float = 1.0) -> torch.Tensor:
        return normal(rows, columns, std=gain / math.sqrt(columns))

    def norm(size: int = spec.hidden) -> torch.Tensor:
        return ((0 if is_gemma else 1) + 0.2 * torch.randn(size, generator=generator)).to(spec.dtype)

    q_rows, kv_rows = spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim
    tensors = {"model.embed_tokens.weight": normal(vocab_size, spec.hidden, std=0.02)}
    for layer in range(spec.layers):
        prefix = f"model.layers.{layer}."
        # Queries and keys twice as large as usual, so that wrong rotations and head groupings are visible.
        tensors[prefix + "self_attn.q_proj.weight"] = linear(q_rows, spec.hidden, gain=2)
        tensors[prefix + "self_attn.k_proj.weight"] = linear(kv_rows, spec.hidden, gain=2)
        tensors[prefix + "self_attn.v_proj.weight"] = linear(kv_rows, spec.hidden)
        tensors[prefix + "self_attn.o_proj.weight"] = linear(spec.hidden, q_rows)
        if spec.model_type == "qwen2":
            tensors[prefix + "self_attn.q_proj.bias"] = normal(q_rows, std=1.0)
            tensors[prefix + "self_attn.k_proj.bias"] = normal(kv_rows, std=1.0)
            tensors[prefix + "self_attn.v_proj.bias"] = normal(kv_rows, std=0.5)
        if spec.model_type == "qwen3":
            tensors[prefix + "self_attn.q_norm.weight"] = norm(spec.head_dim)
            tensors[prefix + "self_attn.k_norm.weight"] = norm(spec.head_dim)
        tensors[prefix + "mlp.gate_proj.weight"] = linear(spec.ffn, spec.hidden)
        tensors[prefix + "mlp.up_proj.weight"] = linear(spec.ffn, spec.hidden)
        tensors[prefix + "mlp.down_proj.weight"] = linear(spec.hidden, spec.ffn)
        tensors[prefix + "input_layernorm.weight"] = norm()
        tensors[prefix + "post_attention_layernorm.weight"] = norm()
        if is_gemma:
            tensors[prefix + "pre_feedforward_layernorm.weight"] = norm()
            tensors[prefix + "post_feedforward_layernorm.weight"] = norm()
    tensors["model.norm.weight"] = norm()
    tensors["score.weight"] = linear(1, spec.hidden)
    return tensors


def make_config(spec: Spec, vocab_size: int, ids: dict) -> dict:
    name = {"mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3", "gemma2": "Gemma2"}[spec.model_type]
    act = "gelu_pytorch_tanh" if spec.model_type == "gemma2" else "silu"
    return {
        "architectures": [f"{name}ForSequenceClassification"], "attention_dropout": 0.0,
        "hidden_act": act, **({"hidden_activation": act} if spec.model_type == "gemma2" else {}),
        "hidden_size": spec.hidden, "intermediate_size": spec.ffn, "max_position_embeddings": 4096,
        "model_type": spec.model_type, "num_attention_heads": spec.heads, "num_hidden_layers": spec.layers,
        "num_key_value_heads": spec.kv_heads, "rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 10000.0,
        "tie_word_embeddings": spec.model_type == "gemma2", "torch_dtype": str(spec.dtype).removeprefix("torch."),
        "use_cache": True, "vocab_size": vocab_size, "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0},
        **ids, **spec.config,
    }  # fmt: skip


def main() -> None:
    out, *names = sys.argv[1:]
    for name in names or SPECS:
        spec = SPECS[name]
        folder = Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        files, vocab_size, ids = globals()[spec.tokenizer]()
        for file, content in {**files, "config.json": make_config(spec, vocab_size, ids)}.items():
            write(folder / file, content)
        save_file(make_tensors(spec, vocab_size), folder / "model.safetensors", metadata={"format": "pt"})
        total = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{name}: {total} bytes, vocabulary {vocab_size}")


if __name__ == "__main__":
    main()
