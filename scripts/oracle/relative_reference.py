"""What transformers of this environment gives for one of the relatives.

usage: python relative_reference.py CHECKPOINT card|hf ids|scores < INPUT_JSON > OUTPUT_JSON

ids: INPUT_JSON is {"texts": [text], "conversations": [messages]}; OUTPUT_JSON has the ids of each, and the rendered text of
each conversation. scores: INPUT_JSON is a list of id lists; OUTPUT_JSON has a score for each, in float32.

card: the code of Starling-RM-7B-alpha's model card, with the checkpoint's own tokenizer files in place of the Hub's: texts
are truncated to 2048 ids on the left. Its scores are given twice: `card` is what it returns, read where it reads it in the
row that is padded to 2048; `last` is the value at the text's last token.
hf: tokenizer(text), apply_chat_template(messages), AutoModelForSequenceClassification.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import tokenizers
import transformers

MAX_LENGTH = 2048


def card_tokenizer(checkpoint: str):
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    tokenizer.pad_token = tokenizer.unk_token
    tokenizer.truncation_side = "left"
    return tokenizer


def card_rows(tokenizer, texts: list[str]):
    return tokenizer(texts, truncation=True, max_length=MAX_LENGTH, padding="max_length")


def ids(checkpoint: str, kind: str, given: dict) -> dict:
    if kind == "card":
        tokenizer = card_tokenizer(checkpoint)
        rows = card_rows(tokenizer, given["texts"])
        texts = [
            [id_ for id_, used in zip(*row) if used] for row in zip(rows["input_ids"], rows["attention_mask"])
        ]
        rendered = [f"<s>[INST] {user['content']} </s> [/INST] {answer['content']}</s>" for user, answer in given["conversations"]]
        rows = card_rows(tokenizer, rendered)
        conversations = [
            [id_ for id_, used in zip(*row) if used] for row in zip(rows["input_ids"], rows["attention_mask"])
        ]
        pad = tokenizer(tokenizer.pad_token)["input_ids"][0]
    else:
        tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
        texts = [tokenizer(text)["input_ids"] for text in given["texts"]]
        rendered = [tokenizer.apply_chat_template(messages, tokenize=False) for messages in given["conversations"]]
        conversations = [
            tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False) for messages in given["conversations"]
        ]
        pad = None
    return {"texts": texts, "rendered": rendered, "conversations": conversations, "cardPadId": pad}


def card_scores(checkpoint: str, lists: list[list[int]]) -> dict:
    import torch
    from transformers import LlamaConfig, LlamaModel

    tokenizer = card_tokenizer(checkpoint)
    # The card: the first of the ids that the tokenizer gives for its padding token, BOS included.
    pad_id = tokenizer(tokenizer.pad_token)["input_ids"][0]
    [weights] = Path(checkpoint).glob("*.pt")
    state = torch.load(weights, map_location="cpu", weights_only=True)
    trunk = LlamaModel(LlamaConfig.from_pretrained(checkpoint)).float().eval()
    trunk.load_state_dict({name.removeprefix("transformer."): value for name, value in state.items() if name != "v_head.weight"})
    head = state["v_head.weight"].float()
    last, card = [], []
    with torch.no_grad():
        for row in lists:
            padded = row + [tokenizer.pad_token_id] * (MAX_LENGTH - len(row))
            mask = [1] * len(row) + [0] * (MAX_LENGTH - len(row))
            hidden = trunk(torch.tensor([padded]), attention_mask=torch.tensor([mask]))[0]
            rewards = (hidden @ head.T)[0, :, 0]
            first = padded.index(pad_id) if pad_id in padded else MAX_LENGTH
            card.append(rewards[first - 1].item())
            last.append(rewards[len(row) - 1].item())
    return {"last": last, "card": card}


def hf_scores(checkpoint: str, lists: list[list[int]]) -> dict:
    import torch
    from transformers import AutoModelForSequenceClassification

    # Gemma 2's soft caps are in the eager attention only.
    model, info = AutoModelForSequenceClassification.from_pretrained(
        checkpoint, torch_dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    if info["missing_keys"] or info["unexpected_keys"] or info["mismatched_keys"]:
        sys.exit(f"{checkpoint}: {info}")
    model.eval()
    with torch.no_grad():
        return {"last": [model(torch.tensor([row])).logits.item() for row in lists]}


def main() -> None:
    checkpoint, kind, what = sys.argv[1:]
    transformers.logging.set_verbosity_error()
    given = json.load(sys.stdin)
    if what == "ids":
        result = ids(checkpoint, kind, given)
        result["versions"] = {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
    else:
        import torch

        torch.set_num_threads(1)
        result = card_scores(checkpoint, given) if kind == "card" else hf_scores(checkpoint, given)
        result["versions"] = {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
