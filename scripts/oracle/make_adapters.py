"""Writes adapters of genuine PEFT with random weights, and what they give when PEFT merges them.

usage: python make_adapters.py BASE TEXTS ADAPTERS_DIR GOLDENS_DIR

BASE is hf-seqcls-bpe. Adapters are put on it as a causal language model without a score, as most are trained (test/causal-base.ts
makes the same of the fixture). Needs requirements/adapters.txt. A golden has `texts` (the text, the ids, the score in
float32) and `merged`: for each tensor that the adapter changes its sum and some of its values, by flat index.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ADAPTERS = {
    "plain": {"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]},
    "patterns": {
        "r": 4, "lora_alpha": 8, "target_modules": ALL, "use_rslora": True, "fan_in_fan_out": True,
        "rank_pattern": {"down_proj": 2, r"layers\.1\.self_attn\.[qk]_proj": 6}, "alpha_pattern": {"layers.0.mlp.up_proj": 24},
    },
    "dora": {"r": 3, "lora_alpha": 6, "target_modules": ["q_proj", "o_proj", "down_proj"], "use_dora": True, "bias": "all"},
    "embeddings": {
        "r": 2, "lora_alpha": 4, "target_modules": ["embed_tokens", "k_proj"], "bias": "lora_only", "layers_to_transform": None,
    },
}  # fmt: skip
TORCH_FILE = {"dora"}
LONGER_VOCABULARY = {"embeddings": 616}
HALF = {"plain": torch.bfloat16, "patterns": torch.float16}


def language_model(base: Path, folder: Path) -> Path:
    """The fixture as a causal language model: without the score, with an output layer, under the class of one."""
    folder.mkdir()
    for name in ["tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(base / name, folder / name)
    config = json.loads((base / "config.json").read_text())
    config["architectures"] = ["LlamaForCausalLM"]
    del config["id2label"], config["label2id"]
    (folder / "config.json").write_text(json.dumps(config))
    tensors = load_file(base / "model.safetensors")
    del tensors["score.weight"]
    tensors["lm_head.weight"] = torch.zeros(config["vocab_size"], config["hidden_size"], dtype=torch.bfloat16)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def classifier(base: Path, vocabulary: int | None):
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, dtype=torch.float32)
    if vocabulary is not None:
        model.resize_token_embeddings(vocabulary, mean_resizing=False)
    return model.eval()


def make(name: str, base: Path, adapters: Path) -> Path:
    torch.manual_seed(sum(map(ord, name)))
    vocabulary = LONGER_VOCABULARY.get(name)
    model = get_peft_model(classifier(base, vocabulary), LoraConfig(task_type=TaskType.SEQ_CLS, **ADAPTERS[name]))
    for key, value in model.named_parameters():
        if "lora_magnitude" in key:
            value.data *= 1 + 0.2 * torch.randn_like(value)
        elif "lora_" in key:
            value.data = torch.randn_like(value) * (0.02 if "embedding" in key else 0.2)
        elif "modules_to_save" in key:
            value.data = torch.randn_like(value) / 8
        if value.requires_grad and name in HALF:
            value.data = value.data.to(HALF[name])
    out = adapters / name
    if out.exists():
        shutil.rmtree(out)
    model.save_pretrained(out, safe_serialization=name not in TORCH_FILE)
    config = json.loads((out / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "starling-nest/hf-causal-bpe"
    (out / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n")
    (out / "README.md").unlink()
    return out


def golden(name: str, base: Path, adapter: Path, texts: list[str]) -> dict:
    tokenizer = AutoTokenizer.from_pretrained(base)
    plain = {key: value.clone() for key, value in classifier(base, LONGER_VOCABULARY.get(name)).state_dict().items()}
    model = PeftModel.from_pretrained(classifier(base, LONGER_VOCABULARY.get(name)), adapter).float().eval()
    model = model.merge_and_unload().eval()
    merged = {}
    for key, value in model.state_dict().items():
        if plain[key].shape == value.shape and torch.equal(plain[key], value):
            continue
        flat = value.double().flatten()
        indices = [(i * 7919 + 13) % flat.numel() for i in range(min(24, flat.numel()))]
        merged[key] = {
            "shape": list(value.shape), "sum": flat.sum().item(),
            "values": {str(i): value.flatten()[i].item() for i in indices},
        }  # fmt: skip
    records = []
    with torch.no_grad():
        for text in texts:
            ids = tokenizer(text)["input_ids"]
            records.append({"text": text, "ids": ids, "score": model(torch.tensor([ids])).logits.item()})
    versions = {"peft": peft.__version__, "transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]}
    return {"header": {"adapter": name, "versions": versions}, "merged": merged, "texts": records}


def main() -> None:
    base, text_file, adapters, goldens = map(Path, sys.argv[1:])
    torch.set_num_threads(1)
    rows = [json.loads(line) for line in text_file.read_text().splitlines()]
    texts = [row["text"] for row in rows if 0 < len(row.get("text", "")) < 160][:48]
    goldens.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        causal = language_model(base, Path(temporary) / "hf-causal-bpe")
        for name in ADAPTERS:
            adapter = make(name, causal, adapters)
            result = golden(name, causal, adapter, texts)
            (goldens / f"{name}.json").write_text(json.dumps(result, ensure_ascii=False) + "\n")
            scores = torch.tensor([record["score"] for record in result["texts"]])
            print(f"{name}: {len(result['merged'])} tensors, {len(scores)} scores, std {scores.std():.2f}")


if __name__ == "__main__":
    main()
