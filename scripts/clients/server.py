"""A server with the tiny model, and what the CLI says of the same items."""

import json
import re
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import requests

ROOT = Path(__file__).resolve().parent.parent.parent
CLI = ["node", str(ROOT / "dist" / "cli" / "main.js")]
MODEL = ["--model", "tiny", "--gpu", "off"]
READY_SECONDS = 120
END_SECONDS = 30

QUERY = "Name a fruit."
DOCUMENTS = ["I hate you.", "An apple.", "", "A fruit, for example, is an apple.", "Früchte: 🍎, 🍐."]
AT_ONCE = 512
RESPONSES = [f"{i} apples{'.' * (i % 7)}" for i in range(AT_ONCE)]


def rendered(response: str) -> str:
    """As the model's own template writes it."""
    return f"<|im_start|>user\n{QUERY}<|im_end|>\n<|im_start|>assistant\n{response}<|im_end|>"


@dataclass
class Check:
    name: str
    package: str
    run: Callable[["Server"], None]


def equal(found, expected) -> None:
    assert found == expected, f"\nfound    {found}\nexpected {expected}"


class Server:
    def __enter__(self) -> "Server":
        self.process = subprocess.Popen([*CLI, "serve", *MODEL, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            self._prepare()
        except BaseException:
            self.process.kill()
            raise
        return self

    def _prepare(self) -> None:
        self.url = self._address()
        until = time.monotonic() + READY_SECONDS
        while requests.get(f"{self.url}/readyz", timeout=10).status_code != 200:
            assert time.monotonic() < until, "The server did not become ready."
            time.sleep(0.05)
        # Its log is not looked at from here on, but a full pipe would stop it.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.ask_command_line()

    def ask_command_line(self) -> None:
        self.scores = score(DOCUMENTS)
        self.many = score(RESPONSES)
        order = sorted(range(len(DOCUMENTS)), key=lambda i: -self.scores[i])
        self.ranking = [(i, self.scores[i]) for i in order]

    def _address(self) -> str:
        """The first URL that it prints."""
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            found = re.search(r"http://(?:127\.0\.0\.1|localhost):\d+", line)
            if found:
                return found[0]
        raise RuntimeError(f"The server ended:\n{''.join(seen)}")

    def __exit__(self, *_) -> None:
        self.process.terminate()
        code = self.process.wait(END_SECONDS)
        assert code == 0, f"The server ended with {code}."


def score(responses: list[str]) -> list[float]:
    items = "".join(json.dumps({"prompt": QUERY, "response": response}) + "\n" for response in responses)
    done = subprocess.run([*CLI, "score", *MODEL, "--input", "-"], input=items, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["score"] for line in done.stdout.splitlines()]
