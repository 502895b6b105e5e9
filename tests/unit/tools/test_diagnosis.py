from __future__ import annotations

from pathlib import Path

import pytest

from tools.installation.diagnosis import explain


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not what was locked"),
        ("npm error code EINTEGRITY", "not what was locked"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate", "certificate"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN\nnpm error self-signed certificate in", "certificate"),
        ("Failed to establish a new connection: [Errno -3] Temporary failure in name resolution", "cannot be reached"),
        ("npm error code EAI_AGAIN", "cannot be reached"),
        (
            "ERROR: Could not find a version that satisfies the requirement a==1 (from versions: none)",
            "cannot be reached",
        ),
        ("error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", "needs a C compiler"),
        ("fatal error: Python.h: No such file or directory", "needs a C compiler"),
        ("PermissionError: [Errno 13] Permission denied: '/srv/.venv/bin/x'", "cannot be written"),
        ("ERROR: No matching distribution found for a==1", "not offered"),
        ("something else", "Installing failed."),
    ],
)
def test_a_log_becomes_a_sentence(said: str, meaning: str, tmp_path: Path) -> None:
    log = tmp_path / "pip.log"
    log.write_text(f"$ pip install\n{said}\n")
    error = str(explain("Installing", log, ".setup/logs/pip.log"))
    assert meaning in error
    assert ".setup/logs/pip.log" in error
    assert "\n" not in error


def test_no_log_at_all(tmp_path: Path) -> None:
    assert "Installing failed." in str(explain("Installing", tmp_path / "none", "none"))
