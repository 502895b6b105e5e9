"""The filter as a program: run here, on numbers, instead of in the kernel."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagews.worker.seccomp import ABSENT, REFUSED, filter_for
from sagews.worker.seccomp_numbers import ARCHITECTURES

ALLOW, KILL, REFUSE = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
PROGRAMS = {name: filter_for(architecture) for name, architecture in ARCHITECTURES.items()}


def verdict(name: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """What the program answers (bpf(4))."""
    six = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("=IIQ6Q", number, audit or ARCHITECTURES[name].audit, 0, *six)
    loaded = place = 0
    while True:
        code, if_true, if_false, operand = PROGRAMS[name][place]
        place += 1
        if code == 0x20:
            [loaded] = struct.unpack_from("=I", data, operand)
        elif code == 0x06:
            return operand
        else:
            true = {0x15: loaded == operand, 0x35: loaded >= operand, 0x45: bool(loaded & operand)}[code]
            place += if_true if true else if_false


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_is_listed_is_refused(name: str) -> None:
    numbers = ARCHITECTURES[name].numbers
    for call in REFUSED:
        if call in numbers:
            assert verdict(name, numbers[call]) == REFUSE | errno.EPERM, call
    for call in ABSENT:
        assert verdict(name, numbers[call]) == REFUSE | errno.ENOSYS, call


@given(st.sampled_from(sorted(ARCHITECTURES)), st.integers(0, 600), st.integers(0, 2**64 - 1))
def test_every_other_call_is_allowed(name: str, number: int, argument: int) -> None:
    if number not in ARCHITECTURES[name].numbers.values():
        assert verdict(name, number, argument) == ALLOW


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_other_architectures_end_the_program(name: str) -> None:
    assert verdict(name, 0, audit=0x4000_0003) == KILL
    assert (verdict(name, 0x4000_0000 | 39) == KILL) is ARCHITECTURES[name].has_x32


@pytest.mark.parametrize(
    ("call", "arguments", "allowed"),
    [
        ("clone", (0x11,), True),
        ("clone", (0x3D0F00,), True),  # a thread
        ("clone", (0x1000_0011,), False),
        ("fchmod", (3, 0o755), True),
        ("fchmod", (3, 0o4755), False),
        ("openat", (0, 0, 0, 0o7777), True),  # nothing is made: the mode is anything
        ("openat", (0, 0, 0o100, 0o644), True),
        ("openat", (0, 0, 0o100, 0o2644), False),
        ("mknodat", (0, 0, 0o104000), False),
        ("socket", (1, 1), True),
        ("socket", (10, 1), True),
        ("socket", (16, 3), False),
        ("socket", (40, 1), False),
        ("ioctl", (0, 0x5401), True),
        ("ioctl", (0, 0x5412), False),
        ("ioctl", (0, 0xFFFF_FFFF_0000_5412), False),  # the kernel looks at the lower half only
        ("personality", (0,), True),
        ("personality", (0x0040_0000,), False),
    ],
)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_arguments_are_looked_at(name: str, call: str, arguments: tuple[int, ...], allowed: bool) -> None:
    assert (verdict(name, ARCHITECTURES[name].numbers[call], *arguments) == ALLOW) is allowed


def test_no_jump_leaves_the_program() -> None:
    for program in PROGRAMS.values():
        assert len(program) < 4096
        for place, (_, if_true, if_false, _) in enumerate(program):
            assert place + 1 + max(if_true, if_false) < len(program) or program[place][0] == 0x06
            assert max(if_true, if_false) < 256
