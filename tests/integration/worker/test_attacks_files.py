"""Attacks on files: other people's, the worker's and the machine's, and traps laid in one's own workspace."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import sagews
from sagews.errors import SagewsError
from sagews.worker.files import Files
from tests.integration.worker.conftest import Confined
from tests.integration.worker.talk import Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_files_of_others_are_not_there(attacker: Talk, confined: Confined, tmp_path: Path) -> None:
    (confined.files("neighbour") / "secret").write_text("s")
    (tmp_path / "outside").write_text("s")
    places = [
        confined.files("neighbour") / "secret",
        confined.data / "zygotes" / "python" / "zygote.log",
        tmp_path / "outside",
        *map(
            Path,
            (
                "/etc/shadow",
                "/etc/sudoers",
                "/root/.bashrc",
                "/home/user/../root/.profile",
                "/boot",
                "/srv",
                "/sys/kernel",
            ),
        ),
        Path(__file__),
    ]
    answer = await attacker.run(f"print(sorted({{tried(os.stat, name) for name in {list(map(str, places))}}}))")
    assert answer.text().strip() == "['ENOENT']"


async def test_everything_but_ones_own_is_read_only(attacker: Talk, confined: Confined) -> None:
    inside = [
        Path("/"), Path("/etc"), Path("/usr/bin"), Path("/usr/lib"), Path("/home"), Path("/dev"),
        Path("/run"), Path("/var"),
        Path(sys.prefix), Path(os.__file__).parent, Path(sagews.__file__).parent,
        confined.data / "zygotes" / "python" / "home",
        *(Path(name) for name in sys.path if name.endswith("site-packages")),
    ]  # fmt: skip
    answer = await attacker.run(
        f"for name in {list(map(str, inside))}:\n"
        "    print(name, tried(open, name + '/planted', 'w'), tried(os.chmod, name, 0o777))"
    )
    for line in answer.text().splitlines():
        name, written, changed = line.split()
        assert {written, changed} <= {"EROFS", "EACCES", "EPERM"}, name


async def test_what_a_session_writes_belongs_to_the_worker(attacker: Talk, confined: Confined) -> None:
    await attacker.run("open('mine', 'w').write('x'); os.makedirs('a/b')")
    files = confined.files("attacker")
    assert {(files / name).stat().st_uid for name in ("mine", "a", "a/b")} == {os.geteuid()}
    assert (
        await attacker.run("os.stat('mine').st_uid == os.getuid(), os.access('mine', os.W_OK)")
    ).result == "(True, True)"


TRAPS = {
    "symbolic": "os.symlink('/etc/shadow', 'symbolic')",
    "up": "os.symlink('../../neighbour/files', 'up')",
    "fifo": "os.mkfifo('fifo')",
    "socket": "socket.socket(socket.AF_UNIX).bind('socket')",
    "loop": "os.symlink('loop', 'loop')",
}


async def test_traps_in_a_workspace_catch_nobody(attacker: Talk, confined: Confined) -> None:
    files = Files(confined.files("attacker"))
    for name, trap in TRAPS.items():
        await attacker.run(trap)
        assert os.path.lexists(confined.files("attacker") / name)
        with pytest.raises(SagewsError):
            files.read(name, 100)
        with pytest.raises(SagewsError):
            files.read(f"{name}/secret", 100)
        files.write(name, b"ours")
        assert (confined.files("attacker") / name).read_bytes() == b"ours"


async def test_links_and_devices_cannot_be_made_of_the_machines_files(attacker: Talk) -> None:
    answer = await attacker.run(
        "print(tried(os.link, '/etc/passwd', 'hard'))\n"
        "print(tried(os.link, '/proc/self/exe', 'hard'))\n"
        "print(tried(os.mknod, 'null', 0o666 | 0o020000, os.makedev(1, 3)))\n"
        "print(tried(os.mknod, '/tmp/disk', 0o666 | 0o060000, os.makedev(254, 0)))"
    )
    assert set(answer.text().split()) <= {"EXDEV", "EPERM", "EACCES"}


async def test_temporary_folders_are_ones_own_and_bounded(attacker: Talk, confined: Confined) -> None:
    neighbour = await confined.begin("neighbour")
    for place in ("/tmp", "/dev/shm"):
        answer = await attacker.run(
            f"open('{place}/mine', 'w').write('x')\n"
            f"print(tried(open('{place}/big', 'wb').write, bytes(80 * 2**20)))\n"
            f"try:\n    for n in range(10**6): open(f'{place}/{{n}}', 'w').close()\n"
            "except OSError as e: print(errno.errorcode[e.errno])\n"
            f"for name in os.listdir('{place}'):\n"
            f"    if name.isdigit() or name == 'big': os.unlink(f'{place}/{{name}}')"
        )
        assert answer.text().split() == ["ENOSPC", "ENOSPC"]
        assert (await neighbour.run(f"import os; os.path.exists('{place}/mine')")).result == "False"
        assert not Path(place, "mine").exists()
    neighbour.process.kill("enough", "shutdown")
    await neighbour.process.ended


async def test_shared_memory_is_ones_own(attacker: Talk, confined: Confined) -> None:
    neighbour = await confined.begin("neighbour")
    made = "import ctypes\nprint(ctypes.CDLL(None).shmget(4711, 4096, {flags}))"
    assert int((await attacker.run(made.format(flags="0o1666"))).text()) >= 0
    assert int((await neighbour.run(made.format(flags="0o666"))).text()) == -1
    neighbour.process.kill("enough", "shutdown")
    await neighbour.process.ended
