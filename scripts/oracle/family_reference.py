"""What transformers of this environment gives for one of the families of heads.

usage: python family_reference.py < INPUT_JSON > OUTPUT_JSON

INPUT_JSON is {FAMILY: {"checkpoint": path, "texts": [text], "conversations": [messages]}}; OUTPUT_JSON has, for each text and
conversation, its ids and its score in float32.
Each family's own code is written again here; PROFILES.md names its source. Sequence classifiers are those of transformers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

# What a template writes for today.
DATE = "26 Jul 2024"
# Of one exchange, before, between and after its two contents.
CARD_TEMPLATES = {
    "ultra-rm": ("Human: ", "\nAssistant: ", ""),
    "eurus": ("[INST] ", " [\\INST] ", ""),
    "beaver-reward": ("BEGINNING OF CONVERSATION: USER: ", " ASSISTANT:", "</s>"),
    "beaver-cost": ("BEGINNING OF CONVERSATION: USER: ", " ASSISTANT:", "</s>"),
    "ziya": ("Human:", "\n\nAssistant:", ""),
}
CLASSIFIERS = {"trl-old", "trl-new", "trl-spm", "skywork-v2-llama", "mistral-seqcls"}


def is_exchange(messages: list[dict]) -> bool:
    return [message["role"] for message in messages] == ["user", "assistant"]


class Family:
    def __init__(self, checkpoint: str, name: str):
        self.name = name
        self.folder = Path(checkpoint)
        self.config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        options = {"add_eos_token": True} if name == "ziya" else {}
        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint, **options)
        if self.tokenizer.chat_template:
            self.tokenizer.chat_template = self.tokenizer.chat_template.replace("strftime_now('%d %b %Y')", repr(DATE))

    def text_ids(self, text: str) -> list[int]:
        if self.name == "athene":
            text += self.tokenizer.cls_token
        return self.tokenizer(text)["input_ids"]

    def conversation_ids(self, messages: list[dict]) -> list[int] | None:
        template = CARD_TEMPLATES.get(self.name)
        if template is not None:
            if not is_exchange(messages):
                return None
            before, between, after = template
            return self.text_ids(before + messages[0]["content"] + between + messages[1]["content"] + after)
        if self.name == "athene":
            return self.text_ids(self.tokenizer.apply_chat_template(messages, tokenize=False))
        return self.tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)

    def load(self) -> None:
        if self.name in CLASSIFIERS:
            from transformers import AutoModelForSequenceClassification

            model, info = AutoModelForSequenceClassification.from_pretrained(
                str(self.folder), torch_dtype=torch.float32, output_loading_info=True
            )
            if info["missing_keys"] or info["unexpected_keys"] or info["mismatched_keys"]:
                sys.exit(f"{self.name}: {info}")
            self.classifier = model.eval()
            return
        state = {}
        for file in sorted(self.folder.glob("*.safetensors")):
            state.update({key: value.float() for key, value in load_file(file).items()})
        trunk = AutoModel.from_config(transformers.AutoConfig.from_pretrained(str(self.folder))).float().eval()
        trunk.load_state_dict(
            {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}
        )
        self.trunk, self.state = trunk, state

    def score(self, ids: list[int]) -> float:
        row = torch.tensor([ids])
        if self.name in CLASSIFIERS:
            return self.classifier(row).logits.item()
        hidden = self.trunk(row, attention_mask=torch.ones_like(row))[0][0]
        return self.reward(hidden, ids).item()

    def reward(self, hidden: torch.Tensor, ids: list[int]) -> torch.Tensor:
        state, name = self.state, self.name
        linear = torch.nn.functional.linear
        if name == "athene":
            places = [place for place, id_ in enumerate(ids) if id_ == self.tokenizer.cls_token_id]
            return linear(hidden, state["v_head.weight"])[places[-1], 0]
        if name in ("ultra-rm", "eurus"):
            return linear(hidden, state["regression_head.weight"])[-1, 0]
        if name.startswith("beaver"):
            value = linear(hidden, state["score_head.weight"], state["score_head.bias"])[-1, 0]
            if not self.config["do_normalize"]:
                return value
            std = state["normalizer.var"].sqrt()[0] + 1e-8
            return value / std if self.config["score_type"] == "cost" else (value - state["normalizer.mean"][0]) / std
        if name in ("ziya", "value-head"):
            return linear(hidden, state["v_head.summary.weight"], state["v_head.summary.bias"])[-1, 0]
        if name in ("grm", "inf-orm"):
            module = "v_head.summary" if name == "grm" else "score"
            inner = linear(hidden, state[f"{module}.0.weight"], state[f"{module}.0.bias"]).relu()
            values = linear(inner, state[f"{module}.2.weight"], state[f"{module}.2.bias"])[:, 0]
            if name == "grm":
                return values[-1]
            # INF-ORM's own rule: before the first padding token, or at the last of the row.
            pad = self.config["pad_token_id"]
            return values[(ids.index(pad) - 1) % len(ids)] if pad in ids else values[-1]
        if name == "nemotron":
            return linear(hidden, state["lm_head.weight"])[-1, 0]
        if name == "openrlhf":
            return linear(hidden, state["reward_head.weight"])[-1, 0]
        raise ValueError(name)


def answer(checkpoint: str, name: str, given: dict) -> dict:
    family = Family(checkpoint, name)
    family.load()

    def scored(ids: list[int] | None) -> dict | None:
        return None if ids is None else {"ids": ids, "score": family.score(ids)}

    return {
        "texts": [scored(family.text_ids(text)) for text in given["texts"]],
        "conversations": [scored(family.conversation_ids(messages)) for messages in given["conversations"]],
    }


def main() -> None:
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    with torch.no_grad():
        answers = {name: answer(task["checkpoint"], name, task) for name, task in json.load(sys.stdin).items()}
    versions = {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]}
    json.dump({"answers": answers, "versions": versions}, sys.stdout)


if __name__ == "__main__":
    main()
