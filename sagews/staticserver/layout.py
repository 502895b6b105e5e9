"""Lays out the browser's files for nginx: in a folder that its user can read, each with its precompressed form.

Invariant: a file is replaced whole. Files named by their content stay for a while when a new build has others, because
pages that were loaded before still ask for them.
"""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Iterator
from pathlib import Path

from sagews.certificates.folder import PUBLIC_FILE, replace_file
from sagews.component.headers import is_hashed
from sagews.errors import SetupError

COMPRESSED = frozenset({".html", ".css", ".js", ".mjs", ".json", ".svg", ".wasm", ".ttf", ".ts", ".txt"})
"""Not maps of sources: they are the largest, and seldom asked for."""
SMALLEST_BYTES = 512
KEPT_SECONDS = 30 * 24 * 3600
PUBLIC_FOLDER = 0o755


def lay_out(source: Path, target: Path) -> None:
    """Make ``target`` have the files of ``source``; repeatable, and quick where nothing changed.

    :raises SetupError: a file can be neither read nor written.
    """
    try:
        wanted = {path.relative_to(source) for path in _files(source)}
        for name in sorted(wanted):
            _copy(source / name, target / name)
        for path in list(_files(target)):
            name = path.relative_to(target)
            plain = name.with_suffix("") if name.suffix == ".gz" else name
            if plain not in wanted and not _is_kept(path, plain):
                path.unlink()
    except OSError as error:
        raise SetupError(
            f"The browser's files cannot be laid out in {target}: {error.strerror} ({error.filename}).",
            mend="Give the user who runs `sagews` the right to write there.",
        ) from error


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _is_kept(path: Path, name: Path) -> bool:
    return is_hashed(name.name) and time.time() - path.stat().st_ctime < KEPT_SECONDS


def _copy(source: Path, target: Path) -> None:
    there, here = source.stat(), target.stat() if target.exists() else None
    if here and (here.st_size, here.st_mtime_ns) == (there.st_size, there.st_mtime_ns):
        return
    target.parent.mkdir(mode=PUBLIC_FOLDER, parents=True, exist_ok=True)
    content = source.read_bytes()
    packed = target.with_name(f"{target.name}.gz")
    if source.suffix in COMPRESSED and len(content) >= SMALLEST_BYTES:
        _write(packed, gzip.compress(content, compresslevel=9, mtime=0), there)
    else:
        packed.unlink(missing_ok=True)
    _write(target, content, there)


def _write(path: Path, content: bytes, times: os.stat_result) -> None:
    replace_file(path, content, PUBLIC_FILE)
    # Both forms of a file have its time: the tag by which browsers ask for changes is made of it.
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
