"""What a reopened worksheet has, when its file was changed by somebody else."""

from __future__ import annotations

from pathlib import Path

from sagews.messages.records import DocumentState, JournalEntry
from sagews.worker.document import digest_of
from sagews.worker.documents import Documents
from sagews.worker.files import Files
from sagews.worker.journal_backlog import JournalBacklog
from sagews.worker.run_records import RunRecords
from sagews.worker.settings import WorkerSettings
from sagews.worker.stream import NumberedStream
from sagews.worker.written_digests import WrittenDigests
from sagews.workspace import notebook as notebooks
from sagews.workspace.notebook import Cell, Notebook
from sagews.workspace.worksheet import Worksheet


def documents(folder: Path) -> Documents:
    settings = WorkerSettings()
    stream = NumberedStream("w", 2, settings.replay_events, settings.replay_bytes)
    journal = JournalBacklog(stream, settings, kept=True)
    digests = WrittenDigests(folder / "digests.json")
    return Documents(stream, journal, RunRecords(100), Files(folder), digests, settings)


def content(source: str) -> Notebook:
    return Notebook((Cell("c1", "code", source),), {})


def test_a_file_newer_than_the_stored_state_is_compared_after_the_journal(tmp_path: Path) -> None:
    # A checkpoint wrote the file, but was not stored; then somebody else appended to the file.
    worksheet = Worksheet.from_notebook(content("one\n"))
    state = worksheet.state()
    update = worksheet.edit(content("one\ntwo\n"))
    first, second = [notebooks.write(content(text)).encode() for text in ("one\n", "one\ntwo\n")]
    (tmp_path / "a.ipynb").write_bytes(notebooks.write(content("one\ntwo\nthree\n")).encode())
    reopened = documents(tmp_path)
    for data in (first, second):
        reopened.digests.add("d", digest_of(data))
    stored = DocumentState("d", "a.ipynb", state, digest_of(first))
    reopened.restore((stored,), (JournalEntry(1, 5, "d", "a.ipynb", update),))
    assert reopened.find("d").worksheet.cells[0].source == "one\ntwo\nthree\n"
