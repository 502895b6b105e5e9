"""Mail, whatever people call themselves and their workspaces. A real command."""

from __future__ import annotations

import dataclasses
import email
import email.policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from sagews.backend.mail import Mail, is_address
from sagews.configuration import load
from sagews.errors import UsageError

HEADERS = {"To", "Subject", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
HOSTILE = (
    "=?utf-8?q?a=0D=0ABcc:_x=40y.zz?=",
    "=?utf-8?q?a=0D=0A=0D=0Aanother_text?=",
    "=?=?utf-8?q?a=0D=0ABcc:_x=40y.zz?=",
    "=\t?utf-8?q?a=0D=0ABcc:_x=40y.zz?=",
    "=\x00?utf-8?q?a=0D=0ABcc:_x=40y.zz?=",
    "=?utf-8?b?YQ0KQmNjOiB4QHkueno=?=",
    "a\r\nBcc: x@y.zz",
    "a\u2028Bcc: x@y.zz",
    "🧶" * 100,
)


@pytest.fixture
def mail(tmp_path: Path) -> Mail:
    chosen = load(None, {})
    command = ("/bin/sh", "-c", 'cat > "$0"', str(tmp_path / "sent"))
    return Mail(dataclasses.replace(chosen, mail=dataclasses.replace(chosen.mail, command=command)))


def _sent(folder: Path) -> EmailMessage:
    message = email.message_from_bytes((folder / "sent").read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_name_is_a_subject_and_nothing_else(mail: Mail, tmp_path: Path, name: str) -> None:
    await mail.send("emmy@example.org", f"“{name}” is shared with you", "The text.\n")
    message = _sent(tmp_path)
    assert set(message.keys()) == HEADERS
    assert str(message["To"]) == "emmy@example.org"
    assert str(message["Subject"]).endswith("is shared with you")
    assert message.get_content().strip() == "The text."


@pytest.mark.parametrize(
    "address",
    [
        "=?utf-8?q?a=40b.cd=2Cc=40d.ef=2C?=x@example.org",
        "=?utf-8?q?a=0D=0ABcc=3Ax?=@example.org",
        "a,b@example.org",
        "a\x01b@example.org",
        "a\n@example.org",
    ],
)
async def test_one_address_is_one_address(mail: Mail, tmp_path: Path, address: str) -> None:
    assert not is_address(address)
    with pytest.raises(UsageError):
        await mail.send(address, "Subject", "Text.\n")
    assert not (tmp_path / "sent").exists()
