"""Imports: what becomes of a file that is no worksheet: a zip file, a program, a notebook of an older format."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from sagews.errors import TooLarge, UsageError
from sagews.messages.files import FileImported
from sagews.messages.sizes import in_binary_units
from sagews.worker.files import Files
from sagews.worker.unpacking import Bounds, unpack
from sagews.workspace import notebook as notebooks
from sagews.workspace import scripts

LARGEST_SCRIPT_BYTES = 4 * 2**20
LARGEST_NOTEBOOK_BYTES = 64 * 2**20

__all__ = ["Bounds", "Imports"]


class Imports:
    """Into the files of one workspace."""

    def __init__(self, files: Files, aside: Path, bounds: Bounds) -> None:
        """:param aside: a folder on the same disk, out of sight, for what is not complete."""
        self._files = files
        self._aside = aside
        self._bounds = bounds

    def take(self, path: str) -> FileImported:
        """Make of the file at `path` what can be used here; the file stays.

        :raises NotFound: there is none; UsageError: it is of no kind that is known, or damaged; TooLarge: too much is
            in it.
        """
        base, _, ending = path.rpartition(".")
        if base and not base.endswith("/"):
            if ending.lower() == "zip":
                return self._unpacked(path, base)
            if ending.lower() in ("py", "sage"):
                return self._worksheet(base, scripts.read(self._text(path, LARGEST_SCRIPT_BYTES), ending.lower()))
            if ending.lower() == "ipynb":
                return self._worksheet(base, notebooks.read(self._text(path, LARGEST_NOTEBOOK_BYTES)))
        raise UsageError(f"{path!r} cannot be imported.", mend="Choose a file named .zip, .ipynb, .py or .sage.")

    def _unpacked(self, path: str, to: str) -> FileImported:
        self._aside.mkdir(mode=0o700, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._aside))
        folder.chmod(0o755)
        try:
            with os.fdopen(self._files.open_to_read(path), "rb") as archive:
                count = unpack(archive, folder, self._bounds)
            to = self._free(to, "")
            self._files.take(folder, to, keep=True)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return FileImported(to, count)

    def _worksheet(self, base: str, notebook: notebooks.Notebook) -> FileImported:
        to = self._free(base, ".ipynb")
        with self._files.new(to, keep=True) as file:
            file.write(notebooks.write(notebook).encode())
            file.finish()
        return FileImported(to)

    def _text(self, path: str, maximum: int) -> str:
        with os.fdopen(self._files.open_to_read(path), "rb") as file:
            data = file.read(maximum + 1)
        if len(data) > maximum:
            raise TooLarge(f"{path!r} has more than {in_binary_units(maximum)}, too much for a worksheet.")
        return data.decode("utf-8-sig", "replace")

    def _free(self, base: str, ending: str) -> str:
        """A path that nothing has: "a", "a 2", "a 3" ..."""
        number, path = 1, base + ending
        while self._files.exists(path):
            number += 1
            path = f"{base} {number}{ending}"
        return path
