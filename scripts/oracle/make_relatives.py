"""Writes the random tiny checkpoints of Starling-RM-34B's relatives under test/fixtures/checkpoints.

usage: python make_relatives.py OUT_DIR [NAME ...]

- alpha7b-like: the layout of Starling-RM-7B-alpha with Llama 2's tokenizer files: a lone .pt in float16, `legacy` false and
  a tokenizer.json that says where spaces go.
- hf-seqcls-spm: LlamaForSequenceClassification with a SentencePiece tokenizer, a padding token behind its pieces and a
  chat template that trims.
- hf-seqcls-bpe: the same with a byte-level BPE of Llama 3's kind.
- hf-seqcls-rope: one of GPT-2's kind without BOS, and Llama 3.1's rotary frequencies.

Run it with transformers 4.38.2, whose converter makes the tokenizer.json that Llama 2's repositories have. The weights come
from a seed, so a second run writes the same bytes.
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
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from corpus import SENTENCES

LLAMA_3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# Templates in the manner of Llama 2, Llama 3 and Zephyr, in this project's words.
LLAMA_2_TEMPLATE = """{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set system = messages[0]['content'] %}\
{% else %}{% set rest = messages %}{% set system = false %}{% endif %}{% for message in rest %}\
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('user and assistant must take turns') }}{% endif %}\
{% if loop.index0 == 0 and system %}{% set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + message['content'] %}\
{% else %}{% set content = message['content'] %}{% endif %}\
{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}\
{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"""
LLAMA_3_TEMPLATE = """{% for message in messages %}
    {%- set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' %}
    {%- if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}
    {{- content }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
"""
ZEPHYR_TEMPLATE = """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\n'  + message['content'] + eos_token }}
{% endif %}
{% endfor %}"""


@dataclass(frozen=True)
class Spec:
    seed: int
    tokenizer: str
    trunk: str
    head: str
    hidden: int
    heads: int
    kv_heads: int
    ffn: int
    layers: int
    dtype: torch.dtype
    head_gain: float = 1.0
    config: dict = field(default_factory=dict)


SPECS = {
    "alpha7b-like": Spec(
        21, "llama_2_alpha", "transformer.", "v_head.weight", 64, 4, 4, 96, 2, torch.float16,
        config={"architectures": ["LLMForSequenceRegression"], "rope_theta": 10000.0},
    ),
    "hf-seqcls-spm": Spec(
        22, "llama_2_chat", "model.", "score.weight", 48, 4, 2, 72, 2, torch.float16, config={"rope_theta": 10000.0}
    ),
    "hf-seqcls-bpe": Spec(
        23, "llama_3", "model.", "score.weight", 64, 8, 2, 96, 2, torch.bfloat16, config={"rope_theta": 500000.0}
    ),
    "hf-seqcls-rope": Spec(
        24, "gpt_2", "model.", "score.weight", 64, 2, 1, 96, 2, torch.float32,
        config={
            "rope_theta": 500000.0,
            # An original context so short that the fixture texts reach all three ranges of frequencies.
            "rope_scaling": {
                "factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                "original_max_position_embeddings": 512, "rope_type": "llama3",
            },
        },
    ),
}  # fmt: skip


def sentence_piece() -> bytes:
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=out, model_type="bpe", vocab_size=480,
        character_coverage=0.985, normalization_rule_name="identity", add_dummy_prefix=True,
        remove_extra_whitespaces=False, split_digits=True, byte_fallback=True, allow_whitespace_only_pieces=True,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, unk_piece="<unk>", bos_piece="<s>", eos_piece="</s>",
        num_threads=1, minloglevel=2,
    )  # fmt: skip
    return out.getvalue()


def declared(content: str, special: bool = True) -> dict:
    return {
        "content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": special,
    }  # fmt: skip


def llama_2_files(extra: dict, added: dict[int, str]) -> dict[str, bytes | dict]:
    config = {
        "add_bos_token": True, "add_eos_token": False,
        "added_tokens_decoder": {str(id_): declared(content) for id_, content in added.items()},
        "bos_token": "<s>", "clean_up_tokenization_spaces": False, "eos_token": "</s>", "legacy": True,
        "model_max_length": 4096, "padding_side": "right", "sp_model_kwargs": {},
        "tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>", **extra,
    }  # fmt: skip
    return {"tokenizer.model": sentence_piece(), "tokenizer_config.json": config}


PIECES = {0: "<unk>", 1: "<s>", 2: "</s>"}


def llama_2_alpha() -> tuple[dict[str, bytes | dict], int, dict]:
    files = llama_2_files({"legacy": False, "pad_token": None}, PIECES)
    # As the repositories of Llama 2 have it: a tokenizer.json that the converter made.
    from transformers import LlamaTokenizerFast

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.model"
        path.write_bytes(files["tokenizer.model"])
        tokenizer = LlamaTokenizerFast(vocab_file=str(path))
        files["tokenizer.json"] = json.loads(tokenizer.backend_tokenizer.to_str())
    return files, 480, {"bos_token_id": 1, "eos_token_id": 2}


def llama_2_chat() -> tuple[dict[str, bytes | dict], int, dict]:
    extra = {"chat_template": LLAMA_2_TEMPLATE, "pad_token": "[PAD]"}
    files = llama_2_files(extra, {**PIECES, 480: "[PAD]"})
    return files, 488, {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 480}


def byte_pair(special: list[str], split: str | None, size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    if split is None:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(split), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, special_tokens=[], show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


def fast_files(tokenizer: Tokenizer, names: dict[str, str], template: str, *, newer: bool) -> dict[str, bytes | dict]:
    """As newer tokenizers write it, merges are pairs; as Llama 3 has it, words that are tokens are taken whole."""
    value = json.loads(tokenizer.to_str())
    model = value["model"]
    if newer:
        model["merges"] = [merge.split(" ") for merge in model["merges"]]
    model["ignore_merges"] = not newer
    config = {
        "added_tokens_decoder": {
            str(token["id"]): {key: flag for key, flag in token.items() if key != "id"} for token in value["added_tokens"]
        },
        "chat_template": template, "clean_up_tokenization_spaces": True, "model_max_length": 4096,
        "tokenizer_class": "PreTrainedTokenizerFast", **names,
    }  # fmt: skip
    return {"tokenizer.json": value, "tokenizer_config.json": config}


def llama_3() -> tuple[dict[str, bytes | dict], int, dict]:
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "[PAD]"]
    tokenizer = byte_pair(special, LLAMA_3_SPLIT, 600)
    tokenizer.add_tokens([AddedToken("starling nest", special=False, normalized=True)])
    begin = tokenizer.token_to_id(special[0])
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single=f"{special[0]} $A", pair=f"{special[0]} $A {special[0]}:1 $B:1", special_tokens=[(special[0], begin)]
            ),
        ]
    )
    names = {"bos_token": special[0], "eos_token": special[4], "pad_token": special[5]}
    ids = {"bos_token_id": begin, "eos_token_id": tokenizer.token_to_id(special[4])}
    ids["pad_token_id"] = tokenizer.token_to_id(special[5])
    return fast_files(tokenizer, names, LLAMA_3_TEMPLATE, newer=False), tokenizer.get_vocab_size() + 3, ids


def gpt_2() -> tuple[dict[str, bytes | dict], int, dict]:
    tokenizer = byte_pair(["<|endoftext|>"], None, 500)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    end = tokenizer.token_to_id("<|endoftext|>")
    names = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    ids = {"bos_token_id": end, "eos_token_id": end}
    return fast_files(tokenizer, names, ZEPHYR_TEMPLATE, newer=True), tokenizer.get_vocab_size(), ids


def make_tensors(spec: Spec, vocab_size: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(spec.seed)

    def normal(*shape: int, std: float) -> torch.Tensor:
        return (torch.randn(*shape, generator=generator) * std).to(spec.dtype)

    def linear(rows: int, columns: int, gain: float = 1.0) -> torch.Tensor:
        return normal(rows, columns, std=gain / math.sqrt(columns))

    def norm() -> torch.Tensor:
        return (1 + 0.2 * torch.randn(spec.hidden, generator=generator)).to(spec.dtype)

    kv_rows = spec.hidden // spec.heads * spec.kv_heads
    tensors = {spec.trunk + "embed_tokens.weight": normal(vocab_size, spec.hidden, std=0.02)}
    for layer in range(spec.layers):
        prefix = f"{spec.trunk}layers.{layer}."
        # Queries and keys twice as large as usual, so that wrong rotations and head groupings are visible.
        tensors[prefix + "self_attn.q_proj.weight"] = linear(spec.hidden, spec.hidden, gain=2)
        tensors[prefix + "self_attn.k_proj.weight"] = linear(kv_rows, spec.hidden, gain=2)
        tensors[prefix + "self_attn.v_proj.weight"] = linear(kv_rows, spec.hidden)
        tensors[prefix + "self_attn.o_proj.weight"] = linear(spec.hidden, spec.hidden)
        tensors[prefix + "mlp.gate_proj.weight"] = linear(spec.ffn, spec.hidden)
        tensors[prefix + "mlp.up_proj.weight"] = linear(spec.ffn, spec.hidden)
        tensors[prefix + "mlp.down_proj.weight"] = linear(spec.hidden, spec.ffn)
        tensors[prefix + "input_layernorm.weight"] = norm()
        tensors[prefix + "post_attention_layernorm.weight"] = norm()
    tensors[spec.trunk + "norm.weight"] = norm()
    tensors[spec.head] = linear(1, spec.hidden, gain=spec.head_gain)
    return tensors


def make_config(spec: Spec, vocab_size: int, ids: dict) -> dict:
    hugging_face = spec.head == "score.weight"
    return {
        "architectures": ["LlamaForSequenceClassification"],
        "hidden_act": "silu", "hidden_size": spec.hidden, "intermediate_size": spec.ffn,
        "max_position_embeddings": 4096, "model_type": "llama", "num_attention_heads": spec.heads,
        "num_hidden_layers": spec.layers, "num_key_value_heads": spec.kv_heads, "pretraining_tp": 1,
        "rms_norm_eps": 1e-05, "rope_scaling": None, "tie_word_embeddings": False,
        "torch_dtype": str(spec.dtype).removeprefix("torch."), "use_cache": True, "vocab_size": vocab_size,
        **({"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}} if hugging_face else {}), **ids, **spec.config,
    }  # fmt: skip


def write(path: Path, content: object) -> None:
    """Bytes as they are, everything else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, bytes):
        content = (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
    path.write_bytes(content)


def main() -> None:
    out, *names = sys.argv[1:]
    for name in names or SPECS:
        spec = SPECS[name]
        folder = Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        files, vocab_size, ids = globals()[spec.tokenizer]()
        for file, content in {**files, "config.json": make_config(spec, vocab_size, ids)}.items():
            write(folder / file, content)
        tensors = make_tensors(spec, vocab_size)
        if spec.head == "v_head.weight":
            torch.save(tensors, folder / "rm-checkpoint-7000.pt")
        else:
            save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        total = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{name}: {total} bytes, vocabulary {vocab_size}")


if __name__ == "__main__":
    main()
