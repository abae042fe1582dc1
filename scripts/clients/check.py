"""Makes the environment, starts a server with the tiny model, and checks every client. See README.md."""

import os
import subprocess
import sys
import time
import traceback
import venv
from collections import Counter
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BALANCED = "--balanced"
ENVIRONMENT = ROOT / "build" / "clients-venv"


def in_environment() -> bool:
    return Path(sys.prefix).resolve() == ENVIRONMENT.resolve()


def make_environment() -> Path:
    python = ENVIRONMENT / "bin" / "python"
    wanted = (HERE / "requirements.txt").read_text()
    done = ENVIRONMENT / "installed.txt"
    if not done.exists() or done.read_text() != wanted:
        venv.create(ENVIRONMENT, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"], check=True)
        done.write_text(wanted)
    return python


def main(words: list[str]) -> int:
    sys.path.insert(0, str(HERE))
    sys.dont_write_bytecode = True
    # LiteLLM fetches a price list when it is imported.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import rerankers
    import server
    import texts
    import trainers

    checks = [*rerankers.CHECKS, *texts.CHECKS, *trainers.CHECKS]
    minutes = 0.0
    if words[:1] == [BALANCED]:
        minutes = float(words[1])
        words = words[2:]
    chosen = [check for check in checks if not words or any(word in check.name for word in words)]
    return balanced_rounds(chosen, minutes) if minutes else once_each(chosen, server.Server())


def once_each(checks: list, place) -> int:
    failed = 0
    with place as running:
        for check in checks:
            began = time.monotonic()
            trouble = attempt(check, running)
            failed += trouble is not None
            version = metadata.version(check.package)
            result = "ok" if trouble is None else f"FAILED\n{trouble}"
            print(f"{check.name:36} {check.package} {version:10} {time.monotonic() - began:6.2f} s  {result}", flush=True)
    print(f"{len(checks) - failed} of {len(checks)} are right.")
    return 1 if failed or not checks else 0


def balanced_rounds(checks: list, minutes: float) -> int:
    """One client after the other, again and again, while a server dies."""
    from balanced import Balanced

    right, failed = Counter(), Counter()
    with Balanced() as running:
        until = time.monotonic() + minutes * 60
        while time.monotonic() < until:
            for check in checks:
                trouble = attempt(check, running)
                (right if trouble is None else failed)[check.name] += 1
                if trouble is not None:
                    print(f"{check.name} FAILED\n{trouble}", flush=True)
                if running.trouble is not None:
                    raise running.trouble
        report = running.report()
    for check in checks:
        version = metadata.version(check.package)
        print(f"{check.name:36} {check.package} {version:10} {right[check.name]} right, {failed[check.name]} failed")
    print(f"{right.total()} of {right.total() + failed.total()} are right. {report}")
    return 1 if failed or not right else 0


def attempt(check, running) -> str | None:
    try:
        check.run(running)
        return None
    except Exception:  # Every client has errors of its own.
        return traceback.format_exc()


if __name__ == "__main__":
    if in_environment():
        sys.exit(main(sys.argv[1:]))
    python = make_environment()
    os.execv(python, [str(python), __file__, *sys.argv[1:]])
