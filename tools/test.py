"""Every test: ``python -m tools.test [PYTEST'S ARGUMENTS]`` (with arguments, only pytest runs)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.installation import node
from tools.installation.layout import Layout

ROOT = Path(__file__).resolve().parents[1]


def suites(arguments: list[str]) -> dict[str, list[str]]:
    """Name and command of each suite; two processes, since most machines have two cores and Sage is large."""
    python = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", *arguments]
    found = {"Python": python}
    if not arguments and (ROOT / "client" / "package.json").is_file():
        found["browser"] = ["npm", "--prefix", "client", "run", "--silent", "test"]
    return found


def main() -> int:
    environment = os.environ | node.changes(Layout(ROOT))
    chosen = suites(sys.argv[1:])
    failed = []
    for number, (name, command) in enumerate(chosen.items(), 1):
        print(f"[{number}/{len(chosen)}] The {name} tests", flush=True)
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
            failed.append(name)
    if failed:
        print(f"Failed: the {' and the '.join(failed)} tests", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
