"""A worker started as root: the server is an ordinary user, the zygotes are root, and no session knows a secret."""

from __future__ import annotations

import base64
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from sagews.certificates import Role, identity_of, token_of
from sagews.client.worker import WorkerClient
from sagews.configuration import Configuration
from tests.integration.worker.attacks import processes_of
from tests.integration.worker.system_python import system_python_fits
from tests.integration.worker.talk import living
from tests.running_component import site_folder
from tests.waiting import eventually, eventually_sync

USERS = range(690_000, 690_020)
SETTINGS = """
worker.hosts = ["localhost"]
worker.users = "690000-690019"
worker.environments.sage.enabled = false
worker.environments.python.preload_modules = ["json"]
worker.environments.python.spare_sessions = 1
"""
SCAN = """
import ctypes, hashlib

def found(head, length, digest):
    # How often `head` is in this memory with the rest of the secret behind it, which we do not have.
    count = 0
    for line in open("/proc/self/maps"):
        place, rights, _, _, inode, *name = line.split()
        if not rights.startswith("r") or inode != "0" or name not in ([], ["[heap]"], ["[stack]"]):
            continue
        start, end = (int(number, 16) for number in place.split("-"))
        data = ctypes.string_at(start, end - start)
        at = data.find(head)
        while at >= 0:
            rest = data[at + len(head) : at + len(head) + length]
            count += hashlib.sha256(rest).hexdigest() == digest
            at = data.find(head, at + 1)
    return count
"""
DAEMON = (
    "import os\nif not os.fork():\n    os.setsid()\n    if not os.fork():\n        while True: pass\n    os._exit(0)"
)


def search(secret: bytes) -> str:
    head, rest = secret[:12], secret[12:]
    return f"found({head!r}, {len(rest)}, {hashlib.sha256(rest).hexdigest()!r})"


pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a launcher"),
    pytest.mark.skipif(not system_python_fits(), reason="the system has another Python"),
]


@dataclass
class Launched:
    """A worker with its launcher."""

    configuration: Configuration
    launcher: subprocess.Popen[bytes]
    user: int

    @property
    def server(self) -> psutil.Process:
        [one] = [p for p in psutil.Process(self.launcher.pid).children() if "sagews.worker" in p.cmdline()]
        return one

    @property
    def zygotes(self) -> list[psutil.Process]:
        return [p for p in psutil.Process(self.launcher.pid).children() if "sagews.worker.zygote" in p.cmdline()]

    def all(self) -> set[int]:
        return {p.pid for p in psutil.Process(self.launcher.pid).children(recursive=True)}


@pytest.fixture
def launched(open_python: Path) -> Iterator[Launched]:
    try:
        user = pwd.getpwnam("nobody")
    except KeyError:
        pytest.skip("there is no user nobody")
    with site_folder(SETTINGS, worker="nobody") as configuration:
        folder = configuration.data_folder
        state = configuration.state_folder("worker", 0)
        for made in (configuration.run_folder, configuration.run_folder_of("worker", 0), state):
            made.mkdir(exist_ok=True)
            shutil.chown(made, user.pw_uid, user.pw_gid)
        state.chmod(0o700)
        for path in (configuration.certificate_folder, *configuration.certificate_folder.rglob("*")):
            shutil.chown(path, user.pw_uid, user.pw_gid)
        command = [str(open_python), "-m", "sagews.worker.launcher", "--config", str(folder / "sagews.toml")]
        with (folder / "log").open("wb") as log:
            launcher = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd="/",
                umask=0o077,  # as `sagews keep` has it
                env={"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": os.defpath},
            )
        try:
            status = configuration.status_file("worker", 0)
            eventually_sync(lambda: status.exists() or launcher.poll() is not None, within_seconds=60)
            assert launcher.poll() is None, (folder / "log").read_text()
            yield Launched(configuration, launcher, user.pw_uid)
        finally:
            launcher.kill()
            launcher.wait()
            eventually_sync(lambda: not processes_of(USERS))


async def test_who_is_who_and_what_a_session_knows(launched: Launched) -> None:
    assert launched.server.uids().real == launched.user
    assert [zygote.uids().real for zygote in launched.zygotes] == [0]
    configuration = launched.configuration
    key = (
        identity_of(configuration, Role.WORKER).certificate.read_bytes().partition(b"PRIVATE KEY-----\n")[2].split()[0]
    )
    async with WorkerClient.unix(configuration.worker_socket(0)) as client:
        session = await client.open_session("python")
        assert int((await session.evaluate("import os; os.getuid()")).text) in USERS
        assert (await session.evaluate("open('mine', 'w').write('x'); os.system('true')")).text == "0"
        owners = {path.stat().st_uid for path in configuration.state_folder("worker", 0).rglob("mine")}
        assert owners == {launched.user}
        cached = await session.evaluate(
            "folder = os.environ['MPLCONFIGDIR']\nfor name in os.listdir(folder): open(f'{folder}/{name}').close()"
        )
        assert cached.status == "ok", cached.error
        await session.evaluate(SCAN + "\nknown = 'abc'.join('0123456789')")
        assert int((await session.evaluate(search("abc".join("0123456789").encode()))).text) >= 1
        for secret in (token_of(configuration, Role.WORKER).encode(), key, base64.b64decode(key)):
            assert (await session.evaluate(search(secret))).text == "0"


async def test_a_zygote_that_dies_is_replaced_and_stopping_leaves_nothing(launched: Launched) -> None:
    async with WorkerClient.unix(launched.configuration.worker_socket(0)) as client:
        session = await client.open_session("python")
        await session.evaluate("1")
        [zygote] = launched.zygotes
        zygote.kill()
        await eventually(lambda: not zygote.is_running())
        again = await client.open_session("python")
        assert (await again.evaluate("1+1")).text == "2"
        assert launched.zygotes[0].pid != zygote.pid
    everything = launched.all()
    launched.launcher.send_signal(signal.SIGTERM)
    assert launched.launcher.wait(30) == 0
    assert not living(everything)


@pytest.mark.parametrize("who", ["launcher", "server"])
async def test_killing_one_ends_all(launched: Launched, who: str) -> None:
    async with WorkerClient.unix(launched.configuration.worker_socket(0)) as client:
        session = await client.open_session("python")
        await session.evaluate(DAEMON)
        everything = launched.all()
        assert processes_of(USERS)
        os.kill(launched.launcher.pid if who == "launcher" else launched.server.pid, signal.SIGKILL)
        await eventually(lambda: not processes_of(USERS))
        await eventually(lambda: not living(everything))
    if who == "server":
        assert launched.launcher.wait(10) == 128 + signal.SIGKILL
