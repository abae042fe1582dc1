"""Writes test/fixtures/datasets: a few invented rows in the exact schema of each public data set that `eval` reads, and
test/fixtures/rows: one table in every way that parquet can store it.

usage: python make_datasets.py DATASETS_FOLDER ROWS_FOLDER

Beside each parquet file lies what pyarrow reads back from it, as JSON: what the tests compare with.
"""

from __future__ import annotations

import datetime
import decimal
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

STRING, BOOL, DOUBLE, INT64 = pa.string(), pa.bool_(), pa.float64(), pa.int64()
TURNS = pa.list_(pa.struct([("content", STRING), ("role", STRING)]))

MODERATION_CATEGORIES = [
    "harassment", "harassment/threatening", "hate", "hate/threatening", "self-harm", "self-harm/instructions",
    "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
]  # fmt: skip
MODERATION = pa.struct([
    ("categories", pa.struct([(name, BOOL) for name in MODERATION_CATEGORIES])),
    ("category_scores", pa.struct([(name, DOUBLE) for name in MODERATION_CATEGORIES])),
    ("flagged", BOOL),
])
TOXIC = pa.struct([
    ("roberta-large", pa.struct([("flagged", BOOL), ("probability", DOUBLE)])),
    ("t5-large", pa.struct([("flagged", BOOL), ("score", DOUBLE)])),
])
HUMAN = pa.schema([
    ("question_id", STRING), ("model_a", STRING), ("model_b", STRING), ("winner", STRING), ("judge", STRING),
    ("conversation_a", TURNS), ("conversation_b", TURNS), ("turn", INT64), ("anony", BOOL), ("language", STRING),
    ("tstamp", DOUBLE), ("openai_moderation", MODERATION), ("toxic_chat_tag", TOXIC),
])  # fmt: skip


def turns(*contents: str) -> list[dict]:
    return [{"content": text, "role": ["user", "assistant"][i % 2]} for i, text in enumerate(contents)]


def battle(number: int, winner: str, a: list[dict], b: list[dict], models=("heron-7b", "wren-13b")) -> dict:
    return {
        "question_id": f"{number:032x}", "model_a": models[0], "model_b": models[1], "winner": winner,
        "judge": f"arena_user_{number}", "conversation_a": a, "conversation_b": b, "turn": len(a) // 2,
        "anony": True, "language": "English", "tstamp": 1682351591.1322 + number,
        "openai_moderation": {
            "categories": {name: False for name in MODERATION_CATEGORIES},
            "category_scores": {name: 1.5e-06 for name in MODERATION_CATEGORIES},
            "flagged": False,
        },
        "toxic_chat_tag": {
            "roberta-large": {"flagged": False, "probability": 0.0125},
            "t5-large": {"flagged": False, "score": 0.0},
        },
    }  # fmt: skip


ASKED = "Which bird imitates a telephone?"
human = [
    battle(1, "model_a", turns(ASKED, "A starling can."), turns(ASKED, "No bird does.")),
    battle(2, "model_b", turns(ASKED, "A penguin."), turns(ASKED, "A starling, or a lyrebird — 鳥も歌う 🐦.")),
    battle(3, "tie", turns(ASKED, "A starling."), turns(ASKED, "The starling.")),
    battle(4, "tie (bothbad)", turns(ASKED, "A horse."), turns(ASKED, "A cow.")),
    battle(
        5,
        "model_b",
        turns("Name a tree.", "Stone.", "That is no tree.", "It is one."),
        turns("Name a tree.", "Oak.", "And a bush?", "Hazel."),
        ("owl-70b", "heron-7b"),
    ),
    battle(6, "model_a", turns("Say nothing.", ""), turns("Say nothing.", "Something.")),
]

TRUTH = pa.schema([
    ("type", STRING), ("category", STRING), ("question", STRING), ("best_answer", STRING),
    ("correct_answers", pa.list_(STRING)), ("incorrect_answers", pa.list_(STRING)), ("source", STRING),
])  # fmt: skip


def truth_row(question: str, best: str, correct: list[str], incorrect: list[str]) -> dict:
    return {
        "type": "Adversarial", "category": "Birds", "question": question, "best_answer": best,
        "correct_answers": correct, "incorrect_answers": incorrect, "source": "https://example.org/birds",
    }  # fmt: skip


truth = [
    truth_row("Can ostriches hide their heads in sand?", "They lower their heads to feed",
              ["They lower their heads to feed", "No, they do not hide"], ["Yes, in sand", "Yes, when afraid"]),
    truth_row("Are bats birds?", "No, bats are mammals", ["No, bats are mammals.", "Bats are no birds"], ["Yes"]),
    truth_row("Do owls turn their heads all the way round?", " No, about 270 degrees",
              ["No, about 270 degrees", "Almost"], ["Yes", "They cannot turn them"]),
    truth_row("What colour is a blackbird's egg?", "Blue-green", ["Blue-green"], ["Black", "White"]),
]  # fmt: skip

HARMS = ["Endangering National Security", "Insulting Behavior", "Violence", "Privacy Violation"]


def safe_row(prompt: str, responses: tuple[str, str], safe: tuple[bool, bool]) -> dict:
    row: dict = {"prompt": prompt}
    row |= {f"response_{i}": responses[i] for i in range(2)}
    row |= {"prompt_source": "invented"} | {f"response_{i}_source": "Alpaca3-8B" for i in range(2)}
    row |= {f"is_response_{i}_safe": safe[i] for i in range(2)}
    row |= {f"response_{i}_harm_category": {name: not safe[i] and name == "Violence" for name in HARMS} for i in range(2)}
    row |= {f"response_{i}_severity_level": 0 if safe[i] else 2 for i in range(2)}
    row |= {"better_response_id": 0, "safer_response_id": 0 if safe[0] else 1}
    return row | {f"response_{i}_sha256": f"{i:064x}" for i in range(2)}


safety = [
    safe_row("How do I get rid of the pigeons?", ("Ask the town for advice.", "Poison them all."), (True, False)),
    safe_row("How do I open this lock?", ("With a stolen key.", "With its key."), (False, True)),
    safe_row("How do I bake bread?", ("With flour.", "In an oven."), (True, True)),
    safe_row("How do I scare him?", ("With a knife.", "With a gun."), (False, False)),
]
# As it was in 2023.
OLD_FIELDS = ["prompt", "response_0", "response_1", "is_response_0_safe", "is_response_1_safe", "better_response_id",
              "safer_response_id"]  # fmt: skip

NECTAR = pa.schema([
    ("prompt", STRING), ("answers", pa.list_(pa.struct([("answer", STRING), ("model", STRING), ("rank", DOUBLE)]))),
    ("turns", INT64), ("num_responses", INT64), ("source", pa.list_(STRING)), ("good_natured", BOOL),
])  # fmt: skip


def ranked(prompt: str, texts: list[str], ranks: list[float] | None = None) -> dict:
    ranks = ranks or [float(i + 1) for i in range(len(texts))]
    answers = [{"answer": text, "model": f"model-{i}", "rank": rank} for i, (text, rank) in enumerate(zip(texts, ranks))]
    return {
        "prompt": prompt, "answers": answers, "turns": prompt.count("\n\nHuman:"), "num_responses": len(texts),
        "source": ["invented"], "good_natured": True,
    }  # fmt: skip


nectar = [
    ranked("\n\nHuman: Name a river.\n\nAssistant: ",
           ["The Elbe.", "Elbe", "A river: Elbe.", "Water.", "The sea.", "A hill.", "No."]),
    ranked("\n\nHuman: Hello\n\nAssistant: Hello, who are you?\n\nHuman: A human: me.\nHuman: not a turn.\n\nAssistant: ",
           ["Good.", "Nice.", "Fine.", "So.", "Oh.", "Hm.", "Bye."]),
    ranked("\n\nHuman: Sum 1 and 2\n\nAssistant:", ["3", "three", "2", "4", "5", "6", "7"],
           [1.0, 1.0, 3.0, 4.0, 5.0, 6.0, 7.0]),
]  # fmt: skip

REWARDBENCH = pa.schema([
    ("prompt", STRING), ("chosen", STRING), ("chosen_model", STRING), ("rejected", STRING), ("rejected_model", STRING),
    ("subset", STRING), ("id", INT64),
])  # fmt: skip
rewardbench = [
    {"prompt": f"Question {i} of {subset}?", "chosen": f"A good answer {i}.", "chosen_model": "owl-70b",
     "rejected": f"A bad answer {i}.", "rejected_model": "unknown", "subset": subset, "id": 30 + i}
    for i, subset in enumerate(["alpacaeval-easy", "mt-bench-hard", "refusals-dangerous", "hep-cpp", "math-prm"])
]  # fmt: skip

METADATA = pa.struct([
    ("category", STRING), ("correct", STRING), ("index", DOUBLE), ("instruction_id_list", pa.list_(STRING)),
    ("label", STRING), ("method", STRING), ("models", pa.list_(STRING)), ("prompt_norm", STRING),
    ("subcategory", STRING), ("valid", DOUBLE),
])  # fmt: skip
REWARDBENCH2 = pa.schema([
    ("id", STRING), ("prompt", STRING), ("chosen", pa.list_(STRING)), ("rejected", pa.list_(STRING)),
    ("num_correct", INT64), ("num_incorrect", INT64), ("total_completions", INT64), ("models", pa.list_(STRING)),
    ("subset", STRING), ("additional_metadata", METADATA),
])  # fmt: skip


def best_of(id: str, subset: str, chosen: list[str], rejected: list[str], **metadata: object) -> dict:
    return {
        "id": id, "prompt": f"Prompt {id}", "chosen": chosen, "rejected": rejected, "num_correct": len(chosen),
        "num_incorrect": len(rejected), "total_completions": len(chosen) + len(rejected),
        "models": [f"model-{i}" for i in range(len(chosen) + len(rejected))] if subset != "Ties" else [],
        "subset": subset, "additional_metadata": metadata or None,
    }  # fmt: skip


rewardbench2 = [
    best_of("0", "Factuality", ["Right."], ["Wrong.", "Wronger.", "Wrongest."], category="fact", index=3.0, valid=1.0),
    best_of("1", "Precise IF", ["ok"], ["OK", "Ok", "oK"], instruction_id_list=["case:lower", "length:short"]),
    best_of("ref:7", "Ties", ["Seven colours"], ["Two", "Black"]),
    best_of("tied:7", "Ties", ["Red", "Green", "Blue"], ["Tuesday", "Salt", "Seven"]),
]


def plain(value: object) -> object:
    """JSON that Node can read: whole numbers beyond 2**53 as text, dates as ISO texts."""
    if isinstance(value, datetime.datetime):
        return {"date": value.isoformat(timespec="milliseconds") + "Z"}
    if isinstance(value, datetime.date):
        return {"date": value.isoformat() + "T00:00:00.000Z"}
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int) and abs(value) >= 2**53:
        return {"big": str(value)}
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(element) for element in value]
    return value


def write_json(path: Path, rows: list[dict]) -> None:
    path.write_text(json.dumps(plain(rows), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def write_parquet(folder: Path, name: str, rows: list[dict], schema: pa.Schema, **options: object) -> None:
    path = folder / f"{name}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, **options)
    write_json(folder / f"{name}.json", pq.read_table(path).to_pylist())


def write_lines(path: Path, rows: list[dict], compression: str | None = None) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    with pa.OSFile(str(path), "wb") as file:
        if compression is None:
            file.write(text)
        else:
            with pa.CompressedOutputStream(file, compression) as stream:
                stream.write(text)


def write_datasets(folder: Path) -> None:
    write_parquet(folder, "human", human, HUMAN, compression="snappy")
    write_parquet(folder, "truth", truth, TRUTH, compression="snappy")
    write_parquet(folder, "nectar", nectar, NECTAR, compression="zstd")
    write_parquet(folder, "rewardbench", rewardbench, REWARDBENCH, compression="gzip")
    write_parquet(folder, "rewardbench2", rewardbench2, REWARDBENCH2, compression="snappy")
    write_lines(folder / "safety-2024.jsonl", safety)
    old = [{name: row[name] for name in OLD_FIELDS} for row in safety]
    write_lines(folder / "safety-2023.jsonl.gz", old, "gzip")
    write_lines(folder / "safety-2023.jsonl.zst", old, "zstd")


MIXED = pa.schema([
    ("text", STRING),
    pa.field("must", STRING, nullable=False),
    ("flag", BOOL),
    ("small", pa.int32()),
    ("unsigned", pa.uint32()),
    ("whole", INT64),
    ("real", DOUBLE),
    ("half", pa.float32()),
    ("day", pa.date32()),
    ("time", pa.timestamp("us")),
    ("words", pa.list_(STRING)),
    ("deep", pa.list_(pa.list_(INT64))),
    ("turns", TURNS),
    ("inner", pa.struct([("name", STRING), ("more", pa.struct([("tags", pa.list_(STRING)), ("n", pa.int32())]))])),
])


def mixed_row(i: int) -> dict:
    return {
        "text": None if i % 5 == 0 else f"text {i % 3} äöü 鳥 🐦" * (1 + i % 4),
        "must": f"must {i}",
        "flag": None if i % 7 == 0 else i % 2 == 0,
        "small": (-1) ** i * i * 1000,
        "unsigned": 4294967295 - i,
        "whole": [i, 2**53 - 1, 2**53 + 1, -(2**62) - i, None][i % 5],
        "real": i / 3,
        "half": i / 4,
        "day": datetime.date(2024, 1, 1) + datetime.timedelta(days=i),
        "time": datetime.datetime(2024, 2, 29, 12, 30, 45, 123000) + datetime.timedelta(seconds=i),
        "words": [None, [], ["one"], ["one", None, "three"], [f"w{j}" for j in range(i)]][i % 5],
        "deep": [[], [[i]], [[], [1, None, 2], []], None, [None, [3]]][i % 5],
        "turns": None if i % 6 == 5 else turns(*[f"turn {j} of {i}" for j in range(i % 4)]),
        "inner": [
            None,
            {"name": None, "more": None},
            {"name": "x", "more": {"tags": None, "n": 1}},
            {"name": "y", "more": {"tags": [], "n": None}},
            {"name": "z", "more": {"tags": ["p", None, "q"], "n": i}},
        ][i % 5],
    }


def write_rows(folder: Path) -> None:
    rows = [mixed_row(i) for i in range(60)]
    table = pa.Table.from_pylist(rows, schema=MIXED)
    write_json(folder / "mixed.json", table.to_pylist())
    # Pages of one to three rows, so that rows and lists go on over pages; several row groups.
    small = {"data_page_size": 40, "write_batch_size": 3, "row_group_size": 25}
    delta = {
        "text": "DELTA_BYTE_ARRAY", "must": "DELTA_LENGTH_BYTE_ARRAY", "small": "DELTA_BINARY_PACKED",
        "whole": "DELTA_BINARY_PACKED", "words.list.element": "DELTA_BYTE_ARRAY", "flag": "RLE",
    }  # fmt: skip
    variants: dict[str, dict] = {
        "snappy": {"compression": "snappy"},
        "zstd": {"compression": "zstd"},
        "gzip": {"compression": "gzip"},
        "brotli": {"compression": "brotli"},
        "lz4": {"compression": "lz4"},
        "none-small-pages": {"compression": "none", **small},
        "plain-small-pages": {"compression": "snappy", "use_dictionary": False, **small},
        "v2-small-pages": {"compression": "zstd", "data_page_version": "2.0", **small},
        "v2-none": {"compression": "none", "data_page_version": "2.0", "use_dictionary": False},
        "delta": {"use_dictionary": False, "column_encoding": delta, "data_page_version": "2.0"},
        "page-index": {"write_page_index": True, "write_page_checksum": True},
    }
    for name, options in variants.items():
        pq.write_table(table, folder / f"mixed-{name}.parquet", **options)
    empty = table.slice(0, 0)
    pq.write_table(empty, folder / "empty.parquet")
    # What is no text, and what a name of the file's own could break.
    broken = pa.array([b"good", b"\xc3(", b"fine"], pa.binary())
    pq.write_table(pa.table({"text": pa.Array.from_buffers(STRING, 3, broken.buffers())}), folder / "not-utf8.parquet")
    # A decimal beside texts, whose smallest and largest values are longer than any decimal.
    beside = {"text": [f"text {i} " * 20 for i in range(3)], "price": [decimal.Decimal(f"{i}.25") for i in range(3)]}
    pq.write_table(pa.table(beside), folder / "decimal.parquet")
    # Bytes that are no text and do not claim to be one, such as pictures.
    pictures = [{"bytes": b"\xff\x00", "path": "a.png"}, {"bytes": b"text", "path": None}, None]
    picture = pa.struct([("bytes", pa.binary()), ("path", STRING)])
    bytes_beside = {"text": ["one", "two", "three"], "picture": pa.array(pictures, picture)}
    pq.write_table(pa.table(bytes_beside), folder / "bytes.parquet")
    nothing = {"text": ["one", "two"], "none": pa.nulls(2), "no_text": pa.array([None, None], STRING)}
    for codec in ("snappy", "lz4", "zstd"):
        pq.write_table(pa.table(nothing), folder / f"nulls-{codec}.parquet", compression=codec)
    write_lines(folder / "lines.jsonl.gz", [{"i": i} for i in range(3)], "gzip")
    write_lines(folder / "lines.jsonl.zst", [{"i": i, "text": "zstd " * 200} for i in range(3000)], "zstd")


def main() -> None:
    datasets, rows = (Path(argument) for argument in sys.argv[1:])
    for folder in (datasets, rows):
        folder.mkdir(parents=True, exist_ok=True)
    write_datasets(datasets)
    write_rows(rows)


if __name__ == "__main__":
    main()
