"""Makes a page of a worksheet in a process of its own: the `.ipynb` on standard input, HTML on standard output.

    python -m sagews.workspace.exporting TITLE < a.ipynb > a.html

Invariant: it has bounds of memory and time, and no way to anything but its input: what strangers wrote harms nobody.
It ends with 2, and the reason on standard error, where the input is no worksheet.
"""

from __future__ import annotations

import resource
import sys

from sagews.errors import UsageError
from sagews.workspace.exporting.page import page_of

MEMORY_BYTES = 2 * 2**30
CPU_SECONDS = 60


def main(title: str) -> int:
    """Read one worksheet, write its page."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    try:
        page = page_of(sys.stdin.buffer.read().decode("utf-8", "replace"), title)
    except UsageError as error:
        sys.stderr.write(error.what)
        return 2
    sys.stdout.buffer.write(page.encode("utf-8", "replace"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
