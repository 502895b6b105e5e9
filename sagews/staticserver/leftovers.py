"""Workers of an nginx whose master was killed: they live on and keep the port, so that no new one can start.

They are known by the folder that they work in, which is the instance's own.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

WORKER = b"nginx: worker process"
MASTER = b"nginx: master process"


def end_leftovers(folder: Path) -> None:
    """Let every worker that works in this folder and has no master finish what it is sending and end."""
    for process in list(_workers(folder)):
        if _title(_parent(process)).startswith(MASTER):
            continue
        log.warning("nginx without a master ended", extra={"action": "leftover_ended", "pid": process})
        try:
            os.kill(process, signal.SIGQUIT)
        except ProcessLookupError:
            continue


def _workers(folder: Path) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or not _title(int(entry.name)).startswith(WORKER):
            continue
        try:
            if (entry / "cwd").readlink() == folder:
                yield int(entry.name)
        except OSError:  # it has ended, or is another user's
            continue


def _title(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def _parent(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return int(status.partition("\nPPid:")[2].split(maxsplit=1)[0])
