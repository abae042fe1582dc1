"""A scorer as a child process: lines in, lines out, and its end told in words."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from typing import IO, Mapping, Sequence

STDERR_LINES = 20
"""Last lines of standard error that a message quotes: enough for an error and its hint."""

LONGEST_ERROR_LINE = 2000
"""Characters of a line of standard error that are kept."""

STOP_SECONDS = 10.0
"""How long a scorer may take to end after its input did, before it is killed."""

# Python starts this, and it becomes the scorer. A Ray worker that is killed takes no child with it, and two scorers would then share
# a GPU: on Linux the kernel ends the scorer with the process that started it. Elsewhere the end of its input does, later.
GUARD = """
import os, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None, use_errno=True).prctl(1, 9, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        os._exit(137)
os.execvp(sys.argv[2], sys.argv[2:])
"""


class ScorerProcess:
    """One child process, its lines of output, and the last lines of its standard error."""

    def __init__(self, line: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        # On Windows a process cannot become another one.
        guard = [] if sys.platform == "win32" else [sys.executable, "-I", "-S", "-c", GUARD, str(os.getpid())]
        self._process = subprocess.Popen(
            [*guard, *line],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if environment is None else {**os.environ, **environment},
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._input: IO[bytes] = self._process.stdin
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._errors: deque[str] = deque(maxlen=STDERR_LINES)
        self._threads = (
            threading.Thread(target=self._read_lines, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read_errors, args=(self._process.stderr,), daemon=True),
        )
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, data: bytes) -> bool:
        """Writes to the scorer's input. False if it has ended: :meth:`read` then returns None."""
        try:
            self._input.write(data)
            self._input.flush()
        except (BrokenPipeError, ValueError):
            return False
        return True

    def read(self, timeout: float | None = None) -> bytes | None:
        """The next line of output; None at its end. Raises ``queue.Empty`` if there is none in time (seconds)."""
        line = self._lines.get(timeout=timeout)
        if line is None:
            self._lines.put(None)
        return line

    def end_input(self) -> None:
        """The scorer gets no more input."""
        try:
            self._input.close()
        except OSError:
            pass

    def stop(self) -> int:
        """Ends the scorer: by the end of its input, or else by force. Returns its exit code."""
        self.end_input()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """Ends the scorer at once. Returns its exit code."""
        self._process.kill()
        return self._process.wait()

    def end(self) -> tuple[int, str]:
        """Waits for a scorer whose output has ended: its exit code, and in words how it ended, with what it said."""
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            code = self.kill()
        self._threads[1].join(1)
        said = "\n".join(self._errors).strip()
        return code, f"{_how(code)}{': ' + said if said else ' and said nothing'}"

    def _read_lines(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self, stream: IO[bytes]) -> None:
        while line := stream.readline(LONGEST_ERROR_LINE):
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                self._errors.append(text)
                # Ray shows it to whoever started the run, with the worker and node in front.
                print(text, file=sys.stderr, flush=True)


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
