"""Converts checkpoints with llama.cpp's own converter and with ours, and compares every tensor, byte for byte.

usage: python compare_conversions.py LLAMA_CPP CHECKPOINT...

LLAMA_CPP is a copy of llama.cpp's sources; that of the pinned version is in a package that is installed anyway:
git clone node_modules/node-llama-cpp/llama/gitRelease.bundle llama.cpp. Ours runs from dist (npm run build:ts). Runs in the
environment of transformers 5.23.0.

llama.cpp's converter does not know classifiers: it gets a copy of the checkpoint that says it is a language model and has no
head, and it leaves the tokenizer out. What both files say about the trunk must be the same, too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LLAMA_CPP = Path(sys.argv[1])
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py")]

import gguf  # noqa: E402
from conversion import ModelBase, ModelType, get_model_architecture, get_model_class  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

ROOT = Path(__file__).parents[2]
TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "bf16": gguf.LlamaFileType.MOSTLY_BF16,
}
# What only one of the two writes: ours about pooling and the head, llama.cpp's defaults that change nothing.
OURS = {"attention.causal", "pooling_type", "classifier.output_labels", "vocab_size", "attention.key_length",
        "attention.value_length", "rope.dimension_count", "rope.freq_base"}  # fmt: skip


def as_language_model(checkpoint: Path, folder: Path) -> None:
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    config["architectures"] = [name.replace("ForSequenceClassification", "ForCausalLM") for name in config["architectures"]]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tensors = {}
    for file in checkpoint.glob("*.safetensors"):
        tensors |= load_file(file)
    trunk = {
        "model." + name.split(".", 1)[1]: tensor for name, tensor in tensors.items() if name not in ("score.weight", "v_head.weight")
    }
    save_file(trunk, folder / "model.safetensors", metadata={"format": "pt"})


def theirs(folder: Path, type_: str, out: Path) -> None:
    hparams = ModelBase.load_hparams(folder, is_mistral_format=False)
    model_class = get_model_class(get_model_architecture(hparams, ModelType.TEXT))
    model_class.set_vocab = lambda self: None
    model_class(folder, TYPES[type_], out).write()


def ours(checkpoint: Path, type_: str, out: Path) -> None:
    command = ["node", str(ROOT / "dist" / "cli" / "main.js"), "convert", str(checkpoint), "-t", type_, "-o", str(out)]
    subprocess.run(command, check=True, capture_output=True)


def value_of(field: gguf.ReaderField) -> object:
    return field.contents()


def compare(checkpoint: Path, type_: str) -> list[str]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        as_language_model(checkpoint, folder)
        theirs(folder, type_, folder / "theirs.gguf")
        ours(checkpoint, type_, folder / "ours.gguf")
        one, other = gguf.GGUFReader(folder / "theirs.gguf"), gguf.GGUFReader(folder / "ours.gguf")
        found = []
        tensors = [{tensor.name: tensor for tensor in reader.tensors} for reader in (one, other)]
        for name in sorted(tensors[0].keys() ^ tensors[1].keys()):
            found.append(f"only one of them has {name}")
        for name in sorted(tensors[0].keys() & tensors[1].keys()):
            a, b = (part[name] for part in tensors)
            if a.tensor_type != b.tensor_type or list(a.shape) != list(b.shape) or a.data.tobytes() != b.data.tobytes():
                found.append(f"{name}: {a.tensor_type.name} {list(a.shape)} and {b.tensor_type.name} {list(b.shape)} differ")
        architecture = value_of(one.fields["general.architecture"])
        if architecture != value_of(other.fields["general.architecture"]):
            found.append("the architectures differ")
        for key in sorted(one.fields.keys() | other.fields.keys()):
            if not key.startswith(f"{architecture}.") or key.removeprefix(f"{architecture}.") in OURS and key not in one.fields:
                continue
            values = [value_of(reader.fields[key]) if key in reader.fields else None for reader in (one, other)]
            if values[0] != values[1]:
                found.append(f"{key} is {values[0]} and {values[1]}")
        print(f"{checkpoint.name} {type_}: {len(tensors[0])} tensors, {'the same' if not found else '; '.join(found)}")
        return found


def main() -> None:
    wrong = [found for checkpoint in sys.argv[2:] for type_ in TYPES for found in compare(Path(checkpoint), type_)]
    if wrong:
        sys.exit(f"{len(wrong)} differences")


if __name__ == "__main__":
    main()
