"""Makes the environment, starts a server with the tiny model, and checks every client. See README.md."""

import os
import subprocess
import sys
import time
import traceback
import venv
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
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
    chosen = [check for check in checks if not words or any(word in check.name for word in words)]
    failed = 0
    with server.Server() as running:
        for check in chosen:
            began = time.monotonic()
            try:
                check.run(running)
                result = "ok"
            except Exception:  # Every client has errors of its own.
                failed += 1
                result = "FAILED\n" + traceback.format_exc()
            version = metadata.version(check.package)
            print(f"{check.name:36} {check.package} {version:10} {time.monotonic() - began:6.2f} s  {result}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} are right.")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    if in_environment():
        sys.exit(main(sys.argv[1:]))
    python = make_environment()
    os.execv(python, [str(python), __file__, *sys.argv[1:]])
