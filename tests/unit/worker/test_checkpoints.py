"""Going back to a version while somebody types. Real files, real git."""

from __future__ import annotations

from pathlib import Path

from sagews.worker.checkpoints import Checkpoints
from sagews.worker.documents import Documents
from sagews.worker.files import Files
from sagews.worker.journal_backlog import JournalBacklog
from sagews.worker.kept_files import KeptLimits
from sagews.worker.run_records import RunRecords
from sagews.worker.settings import WorkerSettings
from sagews.worker.stream import NumberedStream
from sagews.worker.versions import LaidOut, Versions
from sagews.worker.written_digests import WrittenDigests
from sagews.workspace.import_stream import Author
from sagews.workspace.text_document import PlainText, TextDocument

LIMITS = KeptLimits(file_bytes=1 << 20, bytes=4 << 20, files=1000)


class Disturbed(Versions):
    """Of a workspace in which somebody types just when the files are exchanged."""

    documents: Documents
    typed = ""

    async def lay_out_version(self, version: str) -> LaidOut:
        if self.typed:
            type_in(self.documents, "a.txt", self.typed)
        return await super().lay_out_version(version)


def type_in(documents: Documents, path: str, text: str) -> None:
    """As somebody in the page."""
    live = next(one for one in documents if one.path == path)
    live.edit(PlainText(text))
    live.changes += 1


async def test_what_is_typed_while_somebody_goes_back_is_kept(tmp_path: Path) -> None:
    top = tmp_path / "files"
    top.mkdir()
    (top / "a.txt").write_text("one\n")
    settings = WorkerSettings()
    stream = NumberedStream("w", 1, settings.replay_events, settings.replay_bytes)
    journal, records = JournalBacklog(stream, settings, kept=True), RunRecords(100)
    digests = WrittenDigests(tmp_path / "digests.json")
    documents = Documents(stream, journal, records, Files(top), digests, settings)
    versions = Disturbed(tmp_path, top, LIMITS)
    versions.documents = documents
    checkpoints = Checkpoints(stream, documents, records, journal, versions, settings)
    await versions.commit()
    first = versions.head
    documents.open("a.txt", "", "sage", create=False)
    type_in(documents, "a.txt", "one\ntwo\n")
    await checkpoints.write_now()
    versions.typed = "one\ntwo\nthree\n"
    assert await checkpoints.go_back(first, Author("Emmy", "1"))
    shared = next(iter(documents)).shared
    assert isinstance(shared, TextDocument)
    assert shared.content.text == "one\n"
    (aside,) = [path for path in top.iterdir() if path.name != "a.txt"]
    assert (top / "a.txt").read_text() == "one\n"
    assert aside.read_text() == "one\ntwo\nthree\n"
    events = [stream.event(n) for n in range(1, stream.last + 1)]
    assert any(b"edited meanwhile" in event and aside.name.encode() in event for event in events)
    await checkpoints.close()
    assert {file.path for file in versions.repository.files(versions.head)} == {"a.txt", aside.name}
