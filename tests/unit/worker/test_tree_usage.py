"""What processes use is read of the real ones."""

from __future__ import annotations

import subprocess
import sys

from sagews.worker.tree_usage import memory_of, usages

CHILD = """
import subprocess, sys, threading
kept = bytearray(b"x") * 50_000_000
threading.Thread(target=sys.stdin.read).start()
subprocess.run([sys.executable, "-c", "sum(range(10**7))"])
print("ready", flush=True)
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""
"""Of the child: whatever else the process of the tests has started, below this one is nothing but that."""


def test_memory_time_and_tasks_of_a_tree() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        found = usages({parent.pid: 0, child: 0})
        assert found[parent.pid].tasks == 2
        assert found[parent.pid].cpu_seconds > 0.1
        assert 50_000_000 < found[parent.pid].memory_bytes < 200_000_000
        # Its own memory is not in what is below it.
        assert found[child].memory_bytes == 0
        assert found[child].cpu_seconds > 0.1


def test_nobody_uses_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert usages({child.pid: 0})[child.pid].tasks == 0
    assert memory_of([child.pid], 0) == 0
