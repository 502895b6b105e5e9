"""The reset of a Unix user: what its last owner left is found and wiped, and nothing of anybody else's."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagews.worker.user_reset import remains, reset
from tests.integration.worker.talk import state_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be other users")

OWNER, OTHER = 689_001, 689_002


def as_user(uid: int, code: str) -> str:
    done = subprocess.run(
        ["/usr/bin/env", "sh", "-c", code],
        user=uid,
        group=uid,
        extra_groups=[],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder in /tmp that is the user's, with a link out of it and a file of somebody else's beside it."""
    top = Path(tempfile.mkdtemp(dir="/tmp"))
    beside = Path(tempfile.mkdtemp(dir="/tmp"))
    (beside / "kept").write_text("kept")
    os.chown(beside, OTHER, OTHER)
    (top / "inner").mkdir()
    (top / "inner" / "out").symlink_to(beside)
    os.chown(top, OWNER, OWNER)
    yield beside
    (beside / "kept").unlink()
    beside.rmdir()


def test_files_processes_and_ipc_are_wiped(shared: Path) -> None:
    sleepers = [
        subprocess.Popen(["/bin/sleep", "1000"], user=uid, group=uid, extra_groups=[]) for uid in (OWNER, OTHER)
    ]
    try:
        made = as_user(OWNER, "ipcmk -M 4096 >/dev/null && ipcmk -S 1 >/dev/null && ipcmk -Q >/dev/null && echo done")
        assert made.strip() == "done"
        Path("/dev/shm/sagews-test-reset").touch()
        os.chown("/dev/shm/sagews-test-reset", OWNER, OWNER)
        found = "\n".join(remains({OWNER}))
        for said in (
            f"process {sleepers[0].pid}",
            "System V shm",
            "System V sem",
            "System V msg",
            "/dev/shm/sagews-test-reset",
        ):
            assert said in found
        assert reset({OWNER}) == []
        assert remains({OWNER}) == []
        assert sleepers[0].wait(5) == -9
        assert state_of(sleepers[1].pid) == "S"
        assert (shared / "kept").read_text() == "kept"
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def test_a_clean_user_has_nothing() -> None:
    assert remains({689_003}) == []
    assert reset({689_003}) == []
