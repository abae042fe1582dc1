"""A small SentencePiece BPE tokenizer with the flags and special ids of Yi-34B-Chat's.

transformers gives three id lists for one text, depending on class and version. The two used here:
- slow: special tokens are cut out, each piece of text is encoded as it stands (LlamaTokenizer);
- fast-4.41: each piece of text gets a "▁" in front first (LlamaTokenizerFast up to transformers 4.41).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from pathlib import Path

import sentencepiece as spm

UNK, BOS, EOS = "<unk>", "<|startoftext|>", "<|endoftext|>"
USER_DEFINED = ("<|Human|>", "<|Assistant|>", "<|System|>", "<|im_start|>", "<|im_end|>", "<|im_sep|>", "\n")
SPECIAL_IDS = {UNK: 0, BOS: 1, EOS: 2, "<|im_start|>": 6, "<|im_end|>": 7, "<|im_sep|>": 8}
IM_START, IM_END, PAD_ID = "<|im_start|>", "<|im_end|>", 0
VOCAB_SIZE = 2048
MAX_LENGTH = 4096
CHAT_TEMPLATE = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def render(turns: Iterable[tuple[str, str]], prompt: str, response: str) -> str:
    """The card's template: turns joined by newlines, no newline at the end, no system turn of its own."""
    messages = [*turns, ("user", prompt), ("assistant", response)]
    return "\n".join(f"{IM_START}{role}\n{text}{IM_END}" for role, text in messages)


def train(texts: Iterable[str], path: Path) -> None:
    """Trains the tokenizer and writes tokenizer.model."""
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, model_type="bpe", vocab_size=VOCAB_SIZE,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, unk_piece=UNK, bos_piece=BOS, eos_piece=EOS,
        user_defined_symbols=list(USER_DEFINED), normalization_rule_name="identity", add_dummy_prefix=False,
        remove_extra_whitespaces=False, split_digits=True, byte_fallback=True, character_coverage=1.0,
        allow_whitespace_only_pieces=True, num_threads=1, minloglevel=2,
    )
    path.write_bytes(model.getvalue())


def write_configs(folder: Path) -> None:
    """tokenizer_config.json and special_tokens_map.json, laid out as in Yi-34B-Chat."""
    def added(content: str) -> dict[str, object]:
        return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}

    config = {
        "add_bos_token": False, "add_eos_token": False,
        "added_tokens_decoder": {str(index): added(content) for content, index in SPECIAL_IDS.items()},
        "bos_token": BOS, "chat_template": CHAT_TEMPLATE, "clean_up_tokenization_spaces": False, "eos_token": IM_END,
        "legacy": True, "model_max_length": MAX_LENGTH, "pad_token": UNK, "padding_side": "right", "sp_model_kwargs": {},
        "split_special_tokens": False, "tokenizer_class": "LlamaTokenizer", "unk_token": UNK, "use_default_system_prompt": False,
    }
    tokens = {name: {key: value for key, value in added(content).items() if key != "special"}
              for name, content in (("bos_token", BOS), ("eos_token", IM_END), ("pad_token", UNK), ("unk_token", UNK))}
    for name, content in (("tokenizer_config.json", config), ("special_tokens_map.json", tokens)):
        (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


class Tokenizer:
    def __init__(self, path: Path) -> None:
        self.pieces = spm.SentencePieceProcessor(model_file=str(path))
        self._special = re.compile("(" + "|".join(re.escape(text) for text in SPECIAL_IDS) + ")")

    def encode(self, text: str, mode: str = "fast-4.41") -> list[int]:
        """The ids of a text; no BOS and no EOS."""
        prefix = {"slow": "", "fast-4.41": " "}[mode]
        ids: list[int] = []
        for part in self._special.split(text):
            if part in SPECIAL_IDS:
                ids.append(SPECIAL_IDS[part])
            elif part:
                ids += self.pieces.encode(prefix + part)
        return ids
