"""Promise: a component is its own user for good, and may at most listen on low ports besides."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

NOBODY = pwd.getpwnam("nobody")
NET_BIND_SERVICE = 1 << 10


def status_after(low_ports: bool) -> dict[str, str]:
    """What /proc says of a program that was begun as nobody."""
    become = f"become(pwd.getpwnam('nobody'), low_ports={low_ports})"
    code = f"import os, pwd\nfrom sagews.component.privileges import become\n{become}\n"
    code += "os.execv('/bin/cat', ['cat', '/proc/self/status'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return dict(line.split(":", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize(("low_ports", "capabilities"), [(False, 0), (True, NET_BIND_SERVICE)])
def test_it_is_another_user_with_no_other_right(low_ports: bool, capabilities: int) -> None:
    status = status_after(low_ports)
    assert status["Uid"].split() == [str(NOBODY.pw_uid)] * 4
    assert status["Gid"].split() == [str(NOBODY.pw_gid)] * 4
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert int(status[kind], 16) == capabilities
