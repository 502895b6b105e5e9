"""npm in the folder ``client``, with the Node of the environment: ``python -m tools.npm run build``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tools.installation import node
from tools.installation.layout import Layout


def main() -> None:
    layout = Layout(Path(__file__).resolve().parents[1])
    npm = str(node.programs(layout) / "npm")
    os.execve(npm, [npm, "--prefix", str(layout.client), *sys.argv[1:]], os.environ | node.changes(layout))


if __name__ == "__main__":
    main()
