"""Numbers of bytes in words."""

from __future__ import annotations


def in_binary_units(size: int) -> str:
    """1073741824 -> "1 GiB"; what is no whole number has one digit behind the point."""
    number = float(size)
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.4g} {unit}"
        number /= 1024
    return f"{number:.4g} GiB"
