"""Arguments become the scorer's command line, and wrong ones are refused by name before anything starts."""

from __future__ import annotations

import os
from typing import Any

import pytest

from starling_rm_ray import InvalidArgumentError, score_dataset
from starling_rm_ray.command import OptionValue, command_line_options, engine_options, model_of, user_options


def test_options_of_every_kind() -> None:
    options: dict[str, OptionValue] = {"batch_mode": "exact", "min-score": -1, "mmap": False, "per_token": True, "top": None, "field": ["prompt=q", "response=a"]}
    assert command_line_options(options) == [
        "--batch-mode=exact", "--min-score=-1", "--no-mmap", "--per-token", "--field=prompt=q", "--field=response=a",
    ]
    assert command_line_options({"head": "mine.gguf"}) == [f"--head={os.path.abspath('mine.gguf')}"]


def test_threads_and_backend_follow_from_what_ray_gives() -> None:
    assert engine_options(4, 0, {}) == ["--gpu=off", "--threads=4"]
    assert engine_options(0.5, 1, {}) == ["--gpu=cuda", "--threads=1"]
    assert engine_options(1, 1, {"gpu": "vulkan"}) == ["--threads=1"]


def test_models() -> None:
    assert [model_of("tiny"), model_of("hf:a/b/c.gguf"), model_of("rm.gguf")] == ["tiny", "hf:a/b/c.gguf", os.path.abspath("rm.gguf")]


@pytest.mark.parametrize("name", ["threads", "no_progress", "output", "shard", "json"])
def test_options_that_the_package_sets(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match=name):
        user_options({name: True})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"num_workers": 0}, "Expected a whole number from 1 to 10000 for num_workers but received 0."),
        ({"num_workers": True}, "num_workers but received True"),
        ({"num_cpus": -1}, "Expected a number from 0 for num_cpus but received -1."),
        ({"num_gpus": float("nan")}, "num_gpus but received nan"),
        ({"resources": {"scoring": "2"}}, r"resources\['scoring'\] but received '2'"),
        ({"max_retries": 1.5}, "max_retries but received 1.5"),
        ({"straggler_factor": 0.5}, "Expected a number from 1 for straggler_factor"),
        ({"task": "eval"}, "Expected \"score\" or \"rank\" for task but received 'eval'."),
        ({"command": []}, "command but received"),
        ({"input": ""}, "Expected a path for input"),
        ({"input": "s3://bucket/rows"}, "file system that all nodes share for input but received 's3://bucket/rows'"),
        ({"output": 5}, "Expected a path for output but received 5."),
        ({"model": ""}, "for model but received ''"),
        ({"options": {"--field": "a=b"}}, "without its hyphens"),
        ({"options": {"field": {"a": "b"}}}, "for the option field but received"),
        ({"actor_options": {"num_gpus": 1}}, "actor_options without num_gpus"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        score_dataset(**{"input": "in", "output": "out", "model": "tiny", **arguments})
