"""Every check of the code that runs nothing of it: ``python -m tools.check [NAME...]``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tools.installation import node
from tools.installation.layout import Layout

ROOT = Path(__file__).resolve().parents[1]
PYTHON_FOLDERS = ("sagews", "tests", "tools", "benchmarks")

# importlinter's program is a script in bin, which does not survive a move of the folder.
_LINT_IMPORTS = (
    "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(cache_dir=None, verbose=False))"
)


def checks(root: Path = ROOT) -> dict[str, list[str]]:
    """Name and command of each check."""
    python = [sys.executable, "-m"]
    folders = [name for name in PYTHON_FOLDERS if any((root / name).rglob("*.py"))]
    commands = {
        "ruff": [*python, "ruff", "check", "--quiet", "."],
        "format": [*python, "ruff", "format", "--check", "--quiet", "."],
        "mypy": [*python, "mypy", "--no-error-summary", *folders],
        "imports": [sys.executable, "-c", _LINT_IMPORTS],
    }
    if (root / "client" / "package.json").is_file():
        commands["client"] = ["npm", "--prefix", "client", "run", "--silent", "check"]
    return commands


def run(name: str, command: list[str], environment: dict[str, str]) -> bool:
    """Run one check; show its output only if it finds something."""
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    verdict = "ok" if done.returncode == 0 else "FAILED"
    print(f"{verdict} ({time.monotonic() - started:.0f} s)", flush=True)
    if done.returncode != 0:
        print(done.stdout.rstrip(), flush=True)
        if name == "format":
            print("`make format` mends this.", flush=True)
    return done.returncode == 0


def main() -> int:
    chosen = {name: command for name, command in checks().items() if name in sys.argv[1:] or not sys.argv[1:]}
    environment = os.environ | (node.changes(Layout(ROOT)) if "client" in chosen else {})
    failed = []
    for number, (name, command) in enumerate(chosen.items(), 1):
        print(f"[{number}/{len(chosen)}] {name:<8} ", end="", flush=True)
        if not run(name, command, dict(environment)):
            failed.append(name)
    if failed:
        print(f"Found something: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
