"""Renders worksheets in a process of its own: JSON on standard input and output.

Invariant: it has bounds of memory and time, and no way to anything but its input: what strangers wrote harms nobody.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
from datetime import datetime

from sagews.errors import SagewsError
from sagews.workspace.rendering.frames import Facts
from sagews.workspace.rendering.sheets import Sheet, render

MEMORY_BYTES = 2 * 2**30
CPU_SECONDS = 60


def main() -> int:
    """Read one request, answer it; 0 also where it is refused."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    asked = json.load(sys.stdin)
    sheets = [Sheet(one["path"], base64.b64decode(one["content"])) for one in asked["sheets"]]
    facts = Facts(**{**asked["facts"], "at": datetime.fromisoformat(asked["facts"]["at"])})
    try:
        done = render(sheets, facts, whole=asked["whole"])
    except SagewsError as error:
        json.dump({"refused": [error.what, error.what_to_do]}, sys.stdout)
        return 0
    pages = [[one.name, one.source, base64.b64encode(one.content).decode()] for one in done.pages]
    json.dump({"title": done.title, "words": done.words, "pages": pages}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
