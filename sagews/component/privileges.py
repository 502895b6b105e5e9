"""Privileges: giving up root's before a component's program begins.

Invariant: what comes after `become` can never be root again; the one thing that may stay is listening on the ports
below 1024 (capabilities(7), CAP_NET_BIND_SERVICE), which lasts over the exec as an ambient capability.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import struct

from sagews.errors import SetupError

CAP_NET_BIND_SERVICE = 10
CAPABILITY_VERSION_3 = 0x20080522
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2


def become(user: pwd.struct_passwd, *, low_ports: bool = False) -> None:
    """Be this user from now on; call it as root.

    :param low_ports: whether ports below 1024 may still be listened on.
    :raises SetupError: the kernel refuses that.
    """
    if low_ports:
        _control(PR_SET_KEEPCAPS, 1)  # what is permitted outlives setuid
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    if low_ports:
        _have_only(1 << CAP_NET_BIND_SERVICE)
        _control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE)


def _have_only(capabilities: int) -> None:
    """Effective, permitted and inheritable: just these (capset(2); each as two words, the lower first)."""
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    data = struct.pack("=6I", *([capabilities] * 3), *([0] * 3))
    _check(_libc().capset(header, data))


def _control(option: int, *arguments: int) -> None:
    given = [ctypes.c_ulong(one) for one in (*arguments, 0, 0, 0, 0)[:4]]
    _check(_libc().prctl(option, *given))


def _check(result: int) -> None:
    if result != 0:
        reason = os.strerror(ctypes.get_errno())
        raise SetupError(
            f"The right to listen on ports below 1024 cannot be kept: {reason}.",
            mend="Choose ports from 1024 on, or send the low ones on to them.",
        )


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
