"""Zip files, honest and hostile ones."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from sagews.errors import Conflict, NotFound, SagewsError, TooLarge, UsageError
from sagews.messages.files import FileImported
from sagews.worker.files import Files
from sagews.worker.imports import Imports
from sagews.worker.unpacking import Bounds, unpack

BOUNDS = Bounds(files=50, total_bytes=1_000_000, file_bytes=600_000)


def _zip(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data, compress_type=method)
    return made.getvalue()


def _raw_name(data: bytes, name: str, other: bytes) -> bytes:
    """With another name of the same length, which the library would have mended."""
    assert len(name) == len(other)
    return data.replace(name.encode(), other)


def _link() -> zipfile.ZipInfo:
    about = zipfile.ZipInfo("link")
    about.external_attr = (stat.S_IFLNK | 0o777) << 16
    return about


def _encrypted() -> bytes:
    data = bytearray(_zip(("a", b"secret")))
    data[6] |= 1
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    return bytes(data)


def _understated(size: int) -> bytes:
    """A member that says that it has 10 bytes, and has more."""
    data = bytearray(_zip(("a", bytes(size))))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = data[22:26] = (10).to_bytes(4, "little")
    return bytes(data)


def _two_lists(count: int) -> bytes:
    """With another record of how long the list is, which is the one that counts; the usual one says 1."""
    data = bytearray(_zip(*((f"{number}", b"") for number in range(count))))
    at = data.rindex(b"PK\x05\x06")
    size, offset = struct.unpack("<II", data[at + 12 : at + 20])
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, at, 1)
    data[at + 8 : at + 12] = struct.pack("<HH", 1, 1)
    data[at:at] = record + locator
    return bytes(data)


HOSTILE = {
    "two lists of members": (_two_lists(51), TooLarge),
    "up": (_zip(("../x", b"1")), UsageError),
    "up from a folder": (_zip(("a/../../x", b"1")), UsageError),
    "absolute": (_zip(("/etc/x", b"1")), UsageError),
    "git's own": (_zip((".git/config", b"1")), UsageError),
    "a line break": (_raw_name(_zip(("aXb", b"1")), "aXb", b"a\nb"), UsageError),
    "a name that is too long": (_zip(("x" * 300, b"1")), UsageError),
    "a link": (_zip((_link(), b"/etc/passwd")), UsageError),
    "the same name twice": (_raw_name(_zip(("aa", b"1"), ("ab", b"2")), "ab", b"aa"), Conflict),
    "a file that is a folder": (_zip(("a", b"1"), ("a/b", b"2")), Conflict),
    "encrypted": (_encrypted(), UsageError),
    "compressed otherwise": (_zip(("a", b"1"), method=zipfile.ZIP_LZMA), UsageError),
    "a bomb": (_zip(*((f"{number}", bytes(500_000)) for number in range(3))), TooLarge),
    "one large file": (_zip(("large.bin", bytes(700_000))), TooLarge),
    "a bomb that understates": (_understated(2_000_000), UsageError),
    "many files": (_zip(*((f"{number}", b"") for number in range(51))), TooLarge),
    "no zip file": (b"no zip file at all", UsageError),
    "nothing": (b"", UsageError),
    "cut off": (_zip(("a", b"1" * 1000))[:-30], UsageError),
    "damaged": (_zip(("a", b"12345"), method=zipfile.ZIP_STORED).replace(b"12345", b"12354"), UsageError),
}


@pytest.mark.parametrize(("data", "error"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_archive_is_refused_and_leaves_nothing(tmp_path: Path, data: bytes, error: type[SagewsError]) -> None:
    top, aside = tmp_path / "files", tmp_path / "aside"
    top.mkdir()
    (top / "bad.zip").write_bytes(data)
    with pytest.raises(error):
        Imports(Files(top), aside, BOUNDS).take("bad.zip")
    assert [path.name for path in top.iterdir()] == ["bad.zip"]
    assert list(aside.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"files", "aside"}


def test_the_file_that_is_too_large_is_named_with_the_limit(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match=r"'large.bin' has 683.6 KiB; a file may have 585.9 KiB"):
        unpack(io.BytesIO(_zip(("large.bin", bytes(700_000)))), tmp_path, BOUNDS)


def test_an_archive_is_unpacked_into_a_folder_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "knots.zip").write_bytes(
        _zip(("readme.txt", b"r"), ("data/🧶.csv", b"1,2"), ("empty/", b""), ("-rf", b""), ("CON", b""))
    )
    imports = Imports(Files(tmp_path), tmp_path / "aside", BOUNDS)
    assert imports.take("a/knots.zip") == FileImported("a/knots", 4)
    found = sorted(str(path.relative_to(tmp_path / "a" / "knots")) for path in (tmp_path / "a" / "knots").rglob("*"))
    assert found == ["-rf", "CON", "data", "data/🧶.csv", "empty", "readme.txt"]
    assert (tmp_path / "a" / "knots" / "data" / "🧶.csv").read_bytes() == b"1,2"
    assert imports.take("a/knots.zip") == FileImported("a/knots 2", 4)


def test_a_program_becomes_a_worksheet_and_stays(tmp_path: Path) -> None:
    (tmp_path / "primes.sage").write_text("# %%\nprimes(10)\n\n# %% [markdown]\n# Text\n")
    imports = Imports(Files(tmp_path), tmp_path / "aside", BOUNDS)
    assert imports.take("primes.sage") == FileImported("primes.ipynb")
    assert imports.take("primes.sage") == FileImported("primes 2.ipynb")
    assert '"name": "sage"' in (tmp_path / "primes.ipynb").read_text()
    assert (tmp_path / "primes.sage").exists()


def test_what_can_not_be_imported_says_what_can(tmp_path: Path) -> None:
    imports = Imports(Files(tmp_path), tmp_path / "aside", BOUNDS)
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "bad.ipynb").write_text("no notebook")
    for path in ("a.txt", "bad.ipynb"):
        with pytest.raises(UsageError):
            imports.take(path)
    with pytest.raises(NotFound):
        imports.take("none.zip")
