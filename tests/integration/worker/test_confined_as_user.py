"""A worker that an ordinary user has started confines its sessions by user namespaces, where the kernel allows."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.integration.worker.system_python import system_python_fits

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user"),
    pytest.mark.skipif(not system_python_fits(), reason="the system has another Python"),
]

PROGRAM = """
import asyncio, json, os, sys
from pathlib import Path
from sagews.messages.records import Limits
from sagews.worker.confinement_settings import ConfinementSettings
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.environments import Environments
from tests.integration.worker.attacks import HELPERS
from tests.integration.worker.talk import Talk

async def main(folder, attacks):
    wishes = ConfinementSettings(wanted=True, owner=os.geteuid(), hidden=(folder,))
    environments = Environments(folder, (EnvironmentSettings("one", "bare", spares=0),), confinement=wishes)
    await environments.start()
    files = folder / "files"
    files.mkdir()
    found = {"present": int(environments.present)}
    talk = Talk(await environments.fork("one", "s", files, Limits(processes=20)))
    await talk.run(HELPERS)
    for name, attack in attacks.items():
        answer = await talk.run(f"print({attack})")
        found[name] = answer.text().strip() or repr(answer.frames)
    await talk.run("if not os.fork():\\n    os.setsid()\\n    if not os.fork(): time.sleep(1000)\\n    os._exit(0)")
    os.kill(talk.process.pid, 9)
    found["end"] = (await talk.process.ended).reason
    await environments.stop()
    print(json.dumps(found))

asyncio.run(main(Path(sys.argv[1]), json.loads(sys.argv[2])))
"""
ATTACKS = {
    "user": ("os.getuid()", "65534"),
    "home": ("os.getcwd()", "/home/user"),
    "processes": ("[n for n in os.listdir('/proc') if n.isdigit()]", "['2']"),
    "files": ("tried(os.stat, '/etc/shadow')", "ENOENT"),
    "writing": ("tried(open, '/usr/planted', 'w')", "EROFS"),
    "own file": ("tried(open, 'mine', 'w')", "allowed"),
    "network": ("tried(socket.create_connection, ('192.0.2.1', 80), timeout=2)", "ENETUNREACH"),
    "unshare": ("call(272, 0x10000000)", "EPERM"),
    "mount": ("call(165, b'none', b'/tmp', b'tmpfs', 0, 0)", "EPERM"),
    "capabilities": (
        "[l.split()[1] for l in open('/proc/self/status') if l.startswith('CapEff')]",
        "['0000000000000000']",
    ),
    "kill init": ("[tried(os.kill, 1, 9)] and os.getpid()", "2"),  # which does nothing
}


def test_an_ordinary_user_gets_all_but_users_and_groups(open_python: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        attacks = {name: attack for name, (attack, _) in ATTACKS.items()}
        done = subprocess.run(
            [str(open_python), "-c", PROGRAM, folder, json.dumps(attacks)],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            env={"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=100,
        )
        log = Path(folder, "zygotes", "one", "zygote.log")
        assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")
        found: dict[str, Any] = json.loads(done.stdout)
        if not found["present"] & 2:
            pytest.skip("this kernel gives ordinary users no namespaces")
        assert found.pop("present") & 0b0011110 == 0b0011110
        assert found.pop("end") == "its init process was killed by SIGKILL"
        assert found == {name: said for name, (_, said) in ATTACKS.items()}
