"""Run in a fresh process by ``test_imports``: import modules, and print what that did besides.

Invariant: what it finds is what the modules did, for it starts with the standard
library only and hears of files, sockets and processes from the interpreter (PEP 578).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import traceback
from pathlib import Path

_DEEDS = {"socket.bind", "socket.connect", "subprocess.Popen", "os.fork", "os.posix_spawn", "os.mkdir", "os.remove"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

happened: list[str] = []


def hook(event: str, arguments: tuple[object, ...]) -> None:
    """Hear of *event*, and note it if it does something to the world."""
    if event in _DEEDS:
        happened.append(f"{event} {arguments!r}")
    elif event == "open":
        path, _, flags = arguments
        writing = isinstance(flags, int) and flags & _WRITING
        if writing and isinstance(path, str | bytes) and os.fsdecode(path) != os.devnull:
            happened.append(f"open for writing {path!r}")


def descriptors() -> dict[str, str]:
    """What this process has open; an event loop shows as an ``eventpoll`` and two sockets."""
    found = {}
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that reads this very folder
            found[descriptor.name] = str(descriptor.readlink())
    return found


def look(before: dict[str, str]) -> None:
    """Note threads that are there now, and descriptors that were not *before*."""
    if threading.active_count() != 1 or len(list(Path("/proc/self/task").iterdir())) != 1:
        happened.append(f"threads {threading.enumerate()!r}")
    happened.extend(f"left open {what}" for name, what in descriptors().items() if before.get(name) != what)


def watch(modules: list[str]) -> None:
    """Import *modules* one after the other, and print for each what it did."""
    sys.addaudithook(hook)
    for module in modules:
        happened.clear()
        before = descriptors()
        importlib.import_module(module)
        look(before)
        for line in happened:
            print(f"{module}: {line}")


def each_first(modules: list[str]) -> None:
    """Import each of *modules* before any other of ours, and print the errors: circles show here."""
    # What others wrote is imported once, before the forks, by a child that tells its names.
    for name in _foreign(modules):
        importlib.import_module(name)
    for module in modules:
        child = os.fork()
        if child == 0:
            try:
                importlib.import_module(module)
            except BaseException:  # noqa: BLE001 - told below, whatever it is
                print(f"{module}: {traceback.format_exc()}", flush=True)
                os._exit(1)
            os._exit(0)
        os.waitpid(child, 0)


def _foreign(modules: list[str]) -> list[str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        for module in modules:
            importlib.import_module(module)
        names = [name for name, module in sys.modules.items() if getattr(module, "__spec__", None)]
        with os.fdopen(writing, "w") as pipe:
            pipe.write("\n".join(name for name in names if name.split(".")[0] not in ("sagews", "__main__")))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        names = pipe.read().split()
    os.waitpid(child, 0)
    return names


if __name__ == "__main__":
    {"watch": watch, "each_first": each_first}[sys.argv[1]](sys.argv[2:])
