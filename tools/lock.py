"""Write the locks: exact versions with the hashes of every file, and no address of any server.

``python -m tools.lock`` keeps the versions that still fit; ``--upgrade`` takes the newest.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements", "requirements-dev")  # the second is bound to the versions of the first
_FOREIGN = re.compile(r"https?://|file:|--(extra-)?index-url|--find-links|^/|@ ", re.MULTILINE)


def command(name: str, arguments: list[str]) -> list[str]:
    """For all platforms and from the oldest Python on at once, so one lock serves every machine."""
    for_all = ["--universal", "--python-version", "3.11", "--generate-hashes"]
    quiet = ["--quiet", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    return [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        *for_all,
        *quiet,
        *arguments,
        "-o",
        f"{name}.txt",
        f"{name}.in",
    ]


def foreign(text: str) -> list[str]:
    """Lines of a lock that name a place instead of a package."""
    return [line for line in text.splitlines() if _FOREIGN.search(line)]


def main() -> int:
    for number, name in enumerate(LOCKS, 1):
        print(f"[{number}/{len(LOCKS)}] Writing {name}.txt", flush=True)
        status = subprocess.run(command(name, sys.argv[1:]), cwd=ROOT, check=False).returncode
        if status != 0:
            return status
        places = foreign((ROOT / f"{name}.txt").read_text())
        if places:
            print(f"{name}.txt names a place: {places[0]}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
