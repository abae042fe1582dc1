"""HAProxy with two servers behind it, one of which is killed and started again all the time. See README.md."""

import os
import random
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import requests
from server import CLI, MODEL, READY_SECONDS, ROOT, Server

CONFIGURATION = ROOT / "examples" / "deploy" / "haproxy.cfg"
SERVERS = re.compile(r"( {4}server \w+ 127\.0\.0\.1:\d+\n)+")
# Between a server's return and the next kill.
PAUSE_SECONDS = (1, 4)
# The others are SIGTERM: it answers what it has first.
SHARE_OF_KILLS = 0.75


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Balanced(Server):
    def __enter__(self) -> "Balanced":
        self.folder = tempfile.TemporaryDirectory()
        self.ports = {"a": free_port(), "b": free_port()}
        self.replicas = {name: self.serve(name) for name in self.ports}
        self.ended = Counter()
        self.stopping = threading.Event()
        self.trouble = None
        configuration, count = SERVERS.subn("".join(f"    server {n} 127.0.0.1:{p}\n" for n, p in self.ports.items()), CONFIGURATION.read_text())
        assert count == 1, f"{CONFIGURATION} lists no servers."
        path = Path(self.folder.name) / "haproxy.cfg"
        path.write_text(configuration)
        port, self.stats_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {**os.environ, "STARLING_RM_BIND": f"127.0.0.1:{port}", "STARLING_RM_STATS": f"127.0.0.1:{self.stats_port}"}
        self.process = subprocess.Popen(["haproxy", "-db", "-f", path], env=environment, stdout=subprocess.DEVNULL)
        self.killer = threading.Thread(target=self.kill_at_random, daemon=True)
        try:
            for name in self.ports:
                self.wait(name)
            self.ask_command_line()
        except BaseException:
            self.end()
            raise
        self.killer.start()
        return self

    def serve(self, name: str) -> subprocess.Popen:
        command = [*CLI, "serve", *MODEL, "--threads", "1", "--log-level", "warn", "--port", str(self.ports[name])]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self, name: str) -> None:
        """Until HAProxy has seen it, too: one of two is always there."""
        until = time.monotonic() + READY_SECONDS
        while True:
            try:
                if self.stat(f'server_status{{proxy="starling-rm",server="{name}",state="UP"}}') == 1:
                    if requests.get(f"http://127.0.0.1:{self.ports[name]}/readyz", timeout=10).status_code == 200:
                        return
            except requests.RequestException:
                pass
            assert time.monotonic() < until, f"Server {name} did not become ready."
            time.sleep(0.1)

    def kill_at_random(self) -> None:
        try:
            while not self.stopping.wait(random.uniform(*PAUSE_SECONDS)):
                name = random.choice(list(self.replicas))
                how = signal.SIGKILL if random.random() < SHARE_OF_KILLS else signal.SIGTERM
                self.replicas[name].send_signal(how)
                code = self.replicas[name].wait(READY_SECONDS)
                assert code == (0 if how == signal.SIGTERM else -signal.SIGKILL), (name, how, code)
                self.ended[how.name] += 1
                self.replicas[name] = self.serve(name)
                self.wait(name)
        except BaseException as error:
            self.trouble = error

    def stat(self, name: str) -> float:
        text = requests.get(f"http://127.0.0.1:{self.stats_port}/metrics", timeout=10).text
        found = re.search(rf"^haproxy_{re.escape(name)} (\S+)$", text, re.MULTILINE)
        assert found, f"HAProxy has no metric {name}."
        return float(found[1])

    def __exit__(self, *_) -> None:
        self.stopping.set()
        self.killer.join(READY_SECONDS)
        self.end()

    def end(self) -> None:
        for child in (self.process, *self.replicas.values()):
            child.kill()
            child.wait()
        self.folder.cleanup()

    def report(self) -> str:
        proxy = 'proxy="starling-rm"'
        answers = {code: int(self.stat(f'frontend_http_responses_total{{{proxy},code="{code}"}}')) for code in ("2xx", "4xx", "5xx")}
        retries = self.stat(f"backend_retry_warnings_total{{{proxy}}}")
        moved = self.stat(f"backend_redispatch_warnings_total{{{proxy}}}")
        return (
            f"Servers ended: {dict(self.ended)}. Answers: {answers}. "
            f"Asked again: {retries:.0f}; another server: {moved:.0f}."
        )
