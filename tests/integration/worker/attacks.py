"""What the tests of attacks have in common: helpers that run inside of the attacking session."""

from __future__ import annotations

import os
from pathlib import Path

HELPERS = '''
import ctypes, errno, mmap, os, signal, socket, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    """A system call by its number: what came of it."""
    words = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    return "allowed" if result >= 0 else errno.errorcode[ctypes.get_errno()]

def tried(work, *arguments, **named):
    """What came of a call of Python's."""
    try:
        work(*arguments, **named)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "allowed"

def ends(work):
    """How a child ends that does this: 0, or the signal's name."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return signal.Signals(-status).name if status < 0 else str(status)

def machine_code(code):
    """Run bytes of x86-64."""
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
'''


def processes_of(users: range) -> set[int]:
    """Process ids of everything that runs as one of these."""
    found = set()
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            try:
                lines = Path(f"/proc/{name}/status").read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                continue
            [uid] = [int(line.split()[1]) for line in lines if line.startswith("Uid:")]
            if uid in users:
                found.add(int(name))
    return found
