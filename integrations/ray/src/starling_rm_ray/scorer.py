"""``Scorer``: scores for the batches of a Ray Data data set."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any, Literal, Mapping, Sequence

import ray

from .command import OptionValue, ScorerCommand, command_line_options, engine_options, model_of, program_of, user_options
from .errors import InvalidArgumentError, ProtocolError, RowError, ScorerLostError, ScorerStartError
from .process import ScorerProcess

if TYPE_CHECKING:
    import numpy

    Batch = dict[str, "numpy.ndarray[Any, Any]"]

FIELDS = ("prompt", "response", "messages", "text", "system")
"""What starling-rm reads of a row, when a row is one response."""

DEFAULT_FIELDS = {"prompt": "prompt", "response": "response"}


class Scorer:
    """Adds ``score``, ``tokenCount`` and ``truncated`` to each batch. One instance holds one scorer process with the model loaded once.

    .. code-block:: python

        scored = ray.data.read_parquet("/data/pairs").map_batches(
            Scorer, fn_constructor_kwargs={"model": "/models/rm.gguf"}, concurrency=4, num_gpus=1, batch_size=512
        )

    Threads and devices follow from the ``num_cpus`` and ``num_gpus`` of ``map_batches``. Neighbouring rows with the same prompt share its
    computation, within a batch and from one to the next of the same worker.
    A scorer that dies is started again, and its batch is scored again: scores are the same.

    :param model: GGUF file at the same path on every node, ``hf:OWNER/NAME/FILE.gguf``, or ``tiny``.
    :param fields: which column holds what: ``{"prompt": "question", "response": "answer"}``; also ``messages``, ``text`` and ``system``. Other
        columns are not sent to the scorer.
    :param on_error: what happens with a row that cannot be scored. ``raise``: :class:`RowError` ends the batch. ``null``: its score is NaN, and
        the column ``error``, which is None for the other rows, says why.
    :param options: other options of ``starling-rm score`` by name, such as ``{"batch_mode": "exact"}``.
    :param command: the program on every node, or a list of it and its first arguments.
    :param max_retries: how often the scorer may die over one batch.

    :raises InvalidArgumentError: an argument is wrong
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        fields: Mapping[str, str] = DEFAULT_FIELDS,
        on_error: Literal["raise", "null"] = "raise",
        options: Mapping[str, OptionValue] | None = None,
        command: str | Sequence[str] = "starling-rm",
        max_retries: int = 3,
    ) -> None:
        unknown = [name for name in fields if name not in FIELDS]
        if unknown or not fields:
            raise InvalidArgumentError(f"Expected names among {', '.join(FIELDS)} for fields but received {', '.join(unknown) or 'none'}.")
        if on_error not in ("raise", "null"):
            raise InvalidArgumentError(f"Expected \"raise\" or \"null\" for on_error but received {on_error!r}.")
        if not isinstance(max_retries, int) or max_retries < 0:
            raise InvalidArgumentError(f"Expected a whole number from 0 for max_retries but received {max_retries!r}.")
        cpus, gpus = _assigned()
        given = dict(options or {})
        line = [*command_line_options({"model": model_of(model)}), *engine_options(cpus, gpus, given), *user_options(given)]
        self._command = ScorerCommand(program_of(command), "score", tuple(line))
        self._fields = dict(fields)
        self._on_error = on_error
        self._max_retries = max_retries
        self._process: ScorerProcess | None = None
        self._sent = 0
        """Rows that the process has received."""

    def __call__(self, batch: Batch) -> Batch:
        """The batch with its scores.

        :raises RowError: a row cannot be scored, with ``on_error="raise"``
        :raises ScorerStartError: starling-rm refuses to start
        :raises ScorerLostError: the scorer died too often
        """
        lines = self._lines_of(batch)
        attempts = 0
        while True:
            try:
                return self._with_results(batch, self._score(lines))
            except ScorerLostError:
                attempts += 1
                if attempts > self._max_retries:
                    raise

    def close(self) -> None:
        """Ends the scorer process. The next batch starts another one."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def __del__(self) -> None:
        if getattr(self, "_process", None) is not None:
            self.close()

    def _lines_of(self, batch: Batch) -> list[bytes]:
        missing = [column for column in self._fields.values() if column not in batch]
        if missing:
            raise InvalidArgumentError(
                f"Expected the columns {', '.join(self._fields.values())} but the batch has {', '.join(batch)}. "
                "Name them with fields={\"prompt\": …, \"response\": …}."
            )
        columns = [[_plain(value) for value in batch[column]] for column in self._fields.values()]
        return [json.dumps(dict(zip(self._fields, values))).encode() + b"\n" for values in zip(*columns)]

    def _score(self, lines: list[bytes]) -> list[dict[str, Any]]:
        if self._process is None or not self._process.alive:
            stream = ("--input=-", "--input-format=jsonl", "--format=jsonl", "--quiet", "--no-progress")
            self._process, self._sent = ScorerProcess(self._command.line(*stream)), 0
        process, first = self._process, self._sent
        process.send(b"".join(lines))
        results: list[dict[str, Any]] = []
        while len(results) < len(lines):
            line = process.read()
            if line is None:
                self._process = None
                code, ending = process.end()
                if code >= 0 and first == 0 and not results:
                    raise ScorerStartError(f"starling-rm {ending}", _node(), code)
                raise ScorerLostError(f"starling-rm on node {_node()} {ending}")
            results.append(self._result(line, first + len(results)))
        self._sent += len(lines)
        return results

    def _result(self, line: bytes, index: int) -> dict[str, Any]:
        try:
            result = json.loads(line)
            if result["index"] == index and ("error" in result or "score" in result):
                return dict(result)
        except (ValueError, KeyError, TypeError):
            pass
        process, self._process = self._process, None
        if process is not None:
            process.kill()
        shown = line.decode("utf-8", "replace").strip()[:200]
        raise ProtocolError(f"Expected the result of row {index} from starling-rm on node {_node()} but received {shown!r}.")

    def _with_results(self, batch: Batch, results: list[dict[str, Any]]) -> Batch:
        import numpy

        errors = [_error(result) for result in results]
        if self._on_error == "raise":
            for row, error in enumerate(errors):
                if error is not None:
                    raise RowError(f"Row {row} of the batch: {error} (on_error=\"null\" keeps the other rows.)")
        added: Batch = {
            "score": numpy.array([result.get("score", float("nan")) for result in results], dtype=numpy.float64),
            "tokenCount": numpy.array([result.get("tokenCount", 0) for result in results], dtype=numpy.int64),
            "truncated": numpy.array([result.get("truncated", False) for result in results], dtype=numpy.bool_),
        }
        if self._on_error == "null":
            added["error"] = numpy.array(errors, dtype=object)
        return {**batch, **added}


def _error(result: Mapping[str, Any]) -> str | None:
    error = result.get("error")
    return None if error is None else f"{error['message']} ({error['code']})"


def _plain(value: Any) -> Any:
    """A value of a batch as JSON knows it: numpy's scalars and arrays become Python's."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _assigned() -> tuple[float, float]:
    """Ray's CPUs and GPUs of this worker; outside a worker, one CPU."""
    if not ray.is_initialized() or ray.get_runtime_context().worker.mode != ray.WORKER_MODE:
        return 1, 0
    context: Any = ray.get_runtime_context()
    assigned = context.get_assigned_resources()
    return assigned.get("CPU", 1), assigned.get("GPU", 0)


def _node() -> str:
    return socket.gethostname()
