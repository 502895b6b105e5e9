"""Unpacking: a zip file into a folder, within bounds, whatever the archive says about itself.

Invariants: nothing is written outside of the folder, nothing but files and folders is made, and of what is decompressed
never more than the bounds allow, counted as it comes. Source: APPNOTE.TXT, sections 4.3 and 4.4.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sagews.errors import SagewsError, TooLarge, UsageError
from sagews.messages.files import too_large
from sagews.messages.sizes import in_binary_units
from sagews.worker.file_names import check_new
from sagews.worker.files import Files

READ_BYTES = 256 * 1024
END_BYTES = 76 + 22 + 65535
"""Of a file's end, in which its list of members is announced."""
MEMBER_BYTES = 256
"""Of the list for one member, at most, on the whole."""
ENCRYPTED = 0x1


@dataclass(frozen=True)
class Bounds:
    """How much may come out of one archive; `file_bytes` 0 = no limit of its own."""

    files: int
    total_bytes: int
    file_bytes: int = 0


def unpack(archive: IO[bytes], folder: Path, bounds: Bounds) -> int:
    """Put what is in the archive into an empty folder; returns the number of files.

    :raises UsageError: it is no zip file, is damaged or encrypted, or has a member that may not be here.
    :raises TooLarge: more is in it than the bounds allow; what was unpacked stays in the folder.
    """
    _check_list(archive, bounds)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            for member in members:
                _check(member, bounds)
            _check_total(sum(member.file_size for member in members), bounds)
            return _unpack_all(opened, members, Files(folder), bounds)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, struct.error, ValueError) as error:
        raise UsageError(f"The zip file cannot be read: {error}.", mend="Make it again, and try that one.") from error


def _check_list(archive: IO[bytes], bounds: Bounds) -> None:
    """Look how long the list of members is, before it is read into memory (section 4.3.16)."""
    size = archive.seek(0, os.SEEK_END)
    archive.seek(max(0, size - END_BYTES))
    end = archive.read()
    at = end.rfind(b"PK\x05\x06")
    if at < 0 or len(end) < at + 22:
        raise UsageError("This is no zip file.", mend="Choose a file that a zip program has made.")
    members, list_bytes = struct.unpack("<HI", end[at + 10 : at + 16])
    if end[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        # Then another record counts, just before that one (sections 4.3.14 and 4.3.15), whatever this one says.
        if not end[max(0, at - 76) :].startswith(b"PK\x06\x06"):
            raise UsageError("The zip file has its list in an unusual place.", mend="Make it again, and try that one.")
        members, list_bytes = struct.unpack("<QQ", end[at - 44 : at - 28])
    if members > bounds.files or list_bytes > bounds.files * MEMBER_BYTES:
        raise TooLarge(f"The zip file has more than {bounds.files} files.", mend="Split it.")
    archive.seek(0)


def _check(member: zipfile.ZipInfo, bounds: Bounds) -> None:
    try:
        check_new(member.filename.removesuffix("/"))
    except SagewsError as error:
        raise UsageError(f"In the zip file: {error.what}", mend="Take it out of the archive.") from error
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UsageError(
            f"In the zip file, {member.filename!r} is a link or a device.", mend="Put the file itself into the archive."
        )
    if member.flag_bits & ENCRYPTED:
        raise UsageError(f"In the zip file, {member.filename!r} is encrypted.", mend="Make it without a password.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Only of "deflate" can be had as little at a time as one asks for.
        raise UsageError(
            f"In the zip file, {member.filename!r} is compressed in an unusual way.", mend='Make it with "deflate".'
        )
    if bounds.file_bytes and member.file_size > bounds.file_bytes:
        raise too_large(member.filename, member.file_size, bounds.file_bytes)


def _check_total(size: int, bounds: Bounds) -> None:
    if size > bounds.total_bytes:
        raise TooLarge(
            f"The zip file would unpack to more than {in_binary_units(bounds.total_bytes)}.", mend="Split it."
        )


def _unpack_all(opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], files: Files, bounds: Bounds) -> int:
    total = count = 0
    for member in members:
        if member.is_dir():
            files.make_folder(member.filename.removesuffix("/"))
            continue
        count += 1
        size = 0
        with opened.open(member) as source, files.new(member.filename, keep=True, durable=False) as file:
            while data := source.read(READ_BYTES):
                size += len(data)
                total += len(data)
                _check_total(total, bounds)
                if bounds.file_bytes and size > bounds.file_bytes:
                    raise too_large(member.filename, size, bounds.file_bytes)
                file.write(data)
            file.finish()
    return count
