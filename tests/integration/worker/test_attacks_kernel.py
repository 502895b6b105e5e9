"""What no session may ask the kernel for: each attack is made, and refused; a neighbour goes on."""

from __future__ import annotations

import platform

import pytest

from tests.integration.worker.conftest import Confined
from tests.integration.worker.talk import Talk

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86-64"),
]

SYSTEM_CALLS = {
    "unshare users": ("call(272, 0x10000000)", "EPERM"),
    "unshare mounts": ("call(272, 0x20000)", "EPERM"),
    "unshare network": ("call(272, 0x40000000)", "EPERM"),
    "setns": ("call(308, os.open('/proc/self/ns/net', 0), 0)", "EPERM"),
    "clone with a user namespace": ("call(56, 0x10000000 | 17, 0, 0, 0, 0)", "EPERM"),
    "clone3": ("call(435, 0, 0)", "ENOSYS"),
    "mount": ("call(165, b'none', b'/tmp', b'tmpfs', 0, 0)", "EPERM"),
    "umount": ("call(166, b'/proc', 2)", "EPERM"),
    "pivot_root": ("call(155, b'.', b'.')", "EPERM"),
    "chroot": ("tried(os.chroot, '/tmp')", "EPERM"),
    "open_tree": ("call(428, -100, b'/', 1)", "EPERM"),
    "fsopen": ("call(430, b'tmpfs', 0)", "EPERM"),
    "mount_setattr": ("call(442, -100, b'/', 0, bytes(32), 32)", "EPERM"),
    "ptrace itself": ("call(101, 0, 0, 0, 0)", "EPERM"),
    "ptrace init": ("call(101, 16, 1, 0, 0)", "EPERM"),
    "process_vm_readv": ("call(310, 1, 0, 0, 0, 0, 0)", "EPERM"),
    "pidfd_getfd": ("call(438, 0, 0, 0)", "EPERM"),
    "bpf": ("call(321, 0, bytes(128), 128)", "EPERM"),
    "perf_event_open": ("call(298, bytes(128), 0, -1, -1, 0)", "EPERM"),
    "userfaultfd": ("call(323, 1)", "EPERM"),
    "io_uring": ("call(425, 8, ctypes.create_string_buffer(120))", "EPERM"),
    "keyctl": ("call(250, 0, -3, 0)", "EPERM"),
    "add_key": ("call(248, b'user', b'a', b'b', 1, -3)", "EPERM"),
    "request_key": ("call(249, b'user', b'a', 0, 0)", "EPERM"),
    "init_module": ("call(175, b'', 0, b'')", "EPERM"),
    "kexec_load": ("call(246, 0, 0, 0, 0)", "EPERM"),
    "reboot": ("call(169, 0xFEE1DEAD, 672274793, 0, 0)", "EPERM"),
    "open_by_handle_at": ("call(304, -100, bytes(64), 0)", "EPERM"),
    "set the clock": ("call(227, 0, bytes(16))", "EPERM"),
    "set the host name": ("call(170, b'mine', 4)", "EPERM"),
    "read the kernel's log": ("call(103, 3, 0, 0)", "EPERM"),
    "swap": ("call(167, b'/tmp/x', 0)", "EPERM"),
    "personality": ("call(135, 0x0400000)", "EPERM"),
    "become root": ("tried(os.setresuid, 0, 0, 0)", "EPERM"),
    "become a group": ("tried(os.setgroups, [0])", "EPERM"),
    "be more important": ("tried(os.setpriority, os.PRIO_PROCESS, 0, -5)", "EPERM|EACCES"),
    "a device": ("tried(os.mknod, 'disk', 0o600 | 0o060000, os.makedev(254, 0))", "EPERM"),
    "a setuid program": ("(open('s', 'w').close(), tried(os.chmod, 's', 0o4755))[1]", "EPERM"),
    "a setgid program": ("tried(os.chmod, 's', 0o2755)", "EPERM"),
    "a setuid program at once": ("tried(os.open, 't', os.O_CREAT | os.O_WRONLY, 0o4755)", "EPERM"),
    "type into a terminal": ("call(16, 0, 0x5412, b'x')", "EPERM"),
    "32 bits": (r"ends(lambda: machine_code(b'\xb8\x14\x00\x00\x00\xcd\x80\xc3'))", "SIGSYS"),
    "x32": ("ends(lambda: call(0x40000000 | 39))", "SIGSYS"),
    "vsock": ("tried(socket.socket, 40, socket.SOCK_STREAM)", "EAFNOSUPPORT"),
    "netlink": ("tried(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW)", "EAFNOSUPPORT"),
    "packets": ("tried(socket.socket, socket.AF_PACKET, socket.SOCK_RAW)", "EAFNOSUPPORT"),
    "raw IP": ("tried(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)", "EPERM"),
    "the kernel's cryptography": ("tried(socket.socket, 38, socket.SOCK_SEQPACKET)", "EAFNOSUPPORT"),
}


async def test_what_the_kernel_is_not_asked(attacker: Talk) -> None:
    tries = {name: attack for name, (attack, _) in SYSTEM_CALLS.items()}
    answer = await attacker.run("\n".join(f"print({name!r}, '|', {attack})" for name, attack in tries.items()))
    found = dict(line.split(" | ") for line in answer.text().splitlines())
    expected = {name: said for name, (_, said) in SYSTEM_CALLS.items()}
    assert {name: said for name, said in found.items() if said not in expected[name].split("|")} == {}
    assert found.keys() == expected.keys()


async def test_no_capability_is_left_and_none_comes_back(attacker: Talk) -> None:
    status = (await attacker.run("print(open('/proc/self/status').read())")).text()
    kept = dict(
        line.split(":\t") for line in status.splitlines() if line.startswith(("Cap", "NoNew", "Seccomp:", "Uid"))
    )
    assert {kept[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (kept["NoNewPrivs"], kept["Seccomp"]) == ("1", "2")


async def test_setuid_programs_of_the_machine_give_nothing(attacker: Talk, confined: Confined) -> None:
    private = confined.data / "zygotes" / "python" / "home" / ".sage"
    answer = await attacker.run(
        "print(subprocess.run(['su', '-c', 'id'], capture_output=True, stdin=subprocess.DEVNULL).returncode != 0)\n"
        "mounts = [line.split() for line in open('/proc/self/mounts')]\n"
        "print([m[1] for m in mounts if not {'nosuid'} & set(m[3].split(','))])\n"
        "print([m[1] for m in mounts if 'rw' in m[3].split(',') and not m[1].startswith('/dev/')])"
    )
    lines = answer.text().splitlines()
    assert lines[:2] == ["True", "[]"]
    assert set(eval(lines[2])) == {"/proc", "/tmp", "/home/user", str(private)}
