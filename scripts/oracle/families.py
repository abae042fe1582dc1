"""Puts a family of test/fixtures/families together as a checkpoint folder; test/parity/family-checkpoint.ts does the same.

usage: python families.py FAMILIES_DIR NAME OUT_DIR
"""

from __future__ import annotations

import json
import shutil
import struct
import sys
from pathlib import Path


def tensor_names(path: Path) -> list[str]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return [name for name in json.loads(data[8 : 8 + length]) if name != "__metadata__"]


def assemble(families: Path, name: str, out: Path) -> Path:
    family = json.loads((families / "families.json").read_text(encoding="utf-8"))[name]
    out.mkdir(parents=True, exist_ok=True)
    for file in (families / "tokenizers" / family["tokenizer"]).iterdir():
        shutil.copyfile(file, out / file.name)
    path = out / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, **family["tokenizerConfig"]}), encoding="utf-8")
    (out / "config.json").write_text(json.dumps(family["config"]), encoding="utf-8")
    sources = [families / "trunks" / f"{family['tokenizer']}.safetensors", families / f"{name}.safetensors"]
    weight_map = {}
    for index, source in enumerate(sources, 1):
        shard = f"model-{index:05}-of-00002.safetensors"
        shutil.copyfile(source, out / shard)
        weight_map.update({tensor: shard for tensor in tensor_names(source)})
    index_file = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (out / "model.safetensors.index.json").write_text(json.dumps(index_file), encoding="utf-8")
    return out


if __name__ == "__main__":
    families_dir, family_name, out_dir = sys.argv[1:]
    assemble(Path(families_dir), family_name, Path(out_dir))
