"""The program `sagews` as people type it: against a site, without one, and wrongly; each mistake is a sentence."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.program import SiteProgram, environment
from tests.acceptance.solo import SoloSite
from tests.waiting import eventually, eventually_sync

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
SECONDS = 60


def sagews(
    *arguments: str, said: str = "", data: Path | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sagews", *arguments],
        input=said,
        capture_output=True,
        text=True,
        env=environment(**({"SAGEWS_DATA_FOLDER": str(data)} if data else {})),
        cwd=folder,
        timeout=SECONDS,
    )


def complaint(done: subprocess.CompletedProcess[str], status: int) -> str:
    """The sentence of a command that failed with this status and printed nothing else."""
    assert "sagews/admin" not in done.stderr  # a traceback of ours
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    return done.stderr


# --- sagews run


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = complaint(sagews("run", "--port", str(port), "--data", str(tmp_path)), 2)
    assert f"Port {port} on 127.0.0.1 cannot be used: Address already in use." in said
    assert "--port 0" in said


def test_a_second_run_on_the_same_data(site: SoloSite) -> None:
    said = complaint(sagews("run", "--port", "0", "--data", str(site.data)), 1)
    assert f"sagews runs already on the data folder {site.data} at {site.sign_in_url}" in said


def test_no_right_to_write(tmp_path: Path) -> None:
    def as_a_plain_user() -> None:
        if os.getuid() == 0:  # who may write everywhere; without these capabilities root is as anybody
            for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
                ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)

    tmp_path.chmod(0o500)
    done = subprocess.run(
        [sys.executable, "-m", "sagews", "run", "--port", "0", "--data", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=SECONDS,
        preexec_fn=as_a_plain_user,
    )
    tmp_path.chmod(0o700)
    said = complaint(done, 1)
    assert f"The data folder {tmp_path / 'data'} cannot be used: Permission denied." in said
    assert "--data FOLDER" in said


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    said = complaint(sagews("run", "--port", "0", "--data", str(tmp_path / "data")), 1)
    assert f"The data folder {tmp_path / 'data'} cannot be used:" in said


@pytest.mark.parametrize("verb", [("run",), ("status",), ("eval", "1")])
def test_a_broken_configuration_file(verb: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "sagews.toml"
    file.write_text("[backend]\nport = 'many'\nadress = '127.0.0.1'\n")
    said = complaint(sagews(*verb, "--config", str(file)), 2)
    assert f"{file}:2:" in said
    assert f"{file}:3:" in said
    assert "address" in said  # the nearest known name
    file.write_text("[backend\n")
    assert f"{file}:1" in complaint(sagews(*verb, "--config", str(file)), 2)
    file.unlink()
    assert str(file) in complaint(sagews(*verb, "--config", str(file)), 2)


def test_a_data_folder_with_a_broken_database(tmp_path: Path) -> None:
    (tmp_path / "sagews.sqlite").write_bytes(b"this is no database" * 1000)
    said = complaint(sagews("run", "--port", "0", "--data", str(tmp_path)), 1)
    assert re.search(r"The backend has ended \d+ times", said)
    assert "The database file is damaged: file is not a database." in said
    assert "put a copy of the file from before in its place" in said
    assert "in a moment" not in said


# --- sagews eval


def test_eval(site: SoloSite) -> None:
    done = sagews("eval", "print(2^10); factor(2^64+1)", data=site.data)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1024\n274177 * 67280421310721\n", "")


def test_eval_reads_standard_input(site: SoloSite) -> None:
    done = sagews("eval", "--environment", "python", "-", data=site.data, said="import sys\nprint(2 ^ 10)\n'ä'")
    assert (done.returncode, done.stdout, done.stderr) == (0, "8\n'ä'\n", "")


def test_eval_by_address_and_token(site: SoloSite) -> None:
    done = sagews("eval", "--url", site.url, "--token", site.token, "1+1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")


def test_eval_as_json(site: SoloSite) -> None:
    done = sagews("eval", "--json", "print(1); 2", data=site.data)
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"], told["execution_count"]) == (0, "ok", 1)
    assert [output["output_type"] for output in told["outputs"]] == ["stream", "execute_result"]
    failed = sagews("eval", "--json", "1/0", data=site.data)
    told = json.loads(failed.stdout)
    assert (failed.returncode, told["status"], told["outputs"][0]["ename"]) == (1, "error", "ZeroDivisionError")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("1/0", "ZeroDivisionError"),
        ("for for", "SyntaxError"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL"),
        ("import os; os.abort()", "killed by SIGABRT"),
    ],
)
def test_an_error_is_on_standard_error(site: SoloSite, code: str, error: str) -> None:
    said = complaint(sagews("eval", code, data=site.data), 1)
    assert error in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("import sys; sys.exit(0)", 0, ""),
        ("raise SystemExit", 0, ""),
        ("import sys; sys.exit('no such prime')", 1, "no such prime\n"),
        ("import sys; sys.exit(-1)", 255, ""),
        ("exit()", 0, ""),
    ],
)
def test_an_exit_is_that_of_python(site: SoloSite, code: str, status: int, said: str) -> None:
    done = sagews("eval", f"print(1)\n{code}", data=site.data)
    assert (done.returncode, done.stdout, done.stderr) == (status, "1\n", said)


def test_an_error_keeps_what_was_printed(site: SoloSite) -> None:
    done = sagews("eval", "print('before')\n1/0", data=site.data)
    assert (done.returncode, done.stdout) == (1, "before\n")
    assert done.stderr.rstrip().endswith("ZeroDivisionError: rational division by zero")


def test_an_unknown_environment_is_named(site: SoloSite) -> None:
    said = complaint(sagews("eval", "--environment", "fortran", "1", data=site.data), 2)
    assert "There is no environment 'fortran' there; allowed: sage, python." in said


def test_eval_without_a_site(tmp_path: Path) -> None:
    said = complaint(sagews("eval", "1", data=tmp_path), 2)
    assert f"No site runs here (data folder {tmp_path})." in said
    assert "sagews run" in said


def test_eval_with_a_wrong_token(site: SoloSite) -> None:
    said = complaint(sagews("eval", "--url", site.url, "--token", "wrong", "1"), 1)
    assert "The token is wrong, or its time is over." in said


def test_eval_without_a_token(site: SoloSite) -> None:
    assert "needs a token" in complaint(sagews("eval", "--url", site.url, "1"), 2)


def test_eval_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said = complaint(sagews("eval", "--url", f"http://127.0.0.1:{port}", "--token", "t", "1"), 1)
    assert f"http://127.0.0.1:{port} does not answer (Connection refused)." in said


@pytest.mark.parametrize("url", ["http://", "ftp://example.org", "nonsense", "http://127.0.0.1:99999", "http://[::1"])
def test_eval_with_a_wrong_address(url: str) -> None:
    said = complaint(sagews("eval", "--url", url, "--token", "t", "1"), 1 if "127" in url else 2)
    assert url in said
    assert "unexpected" not in said


def test_ctrl_c_interrupts_the_code(site: SoloSite) -> None:
    code = "print('begun', flush=True)\nwhile True: pass"
    with subprocess.Popen(
        [sys.executable, "-m", "sagews", "eval", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(SAGEWS_DATA_FOLDER=str(site.data)),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert "KeyboardInterrupt" in said
    assert "asyncio" not in said


def test_five_megabytes_come_whole(site: SoloSite) -> None:
    done = sagews("eval", "for i in range(500_000): print(f'{i:9d}')", data=site.data)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "".join(f"{i:9d}\n" for i in range(500_000))


def test_one_line_of_five_megabytes(site: SoloSite) -> None:
    done = sagews("eval", "print('ab' * 2_500_000)", data=site.data)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ab" * 2_500_000 + "\n"


def test_output_that_is_no_text_comes_through(site: SoloSite) -> None:
    code = r"import os; _ = os.write(int(1), b'\xff\x00\xc3 ' + '𝔸\n'.encode())"
    done = sagews("eval", code, data=site.data)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("𝔸\n")


def test_eval_leaves_no_workspace_behind(site: SoloSite) -> None:
    before = site.call("GET", "/api/workspaces")
    sagews("eval", "1", data=site.data)
    assert site.call("GET", "/api/workspaces") == before


# --- sagews status


def test_status_of_a_site_that_is_well(site: SoloSite) -> None:
    done = sagews("status", data=site.data)
    assert (done.returncode, done.stderr) == (0, "")
    assert "worker:0  answers; sage, python" in done.stdout
    told = json.loads(sagews("status", "--json", data=site.data).stdout)
    assert (told["healthy"], told["database"], told["url"]) == (True, True, site.url)


def test_status_without_a_site(tmp_path: Path) -> None:
    assert "No site runs here" in complaint(sagews("status", data=tmp_path), 2)


async def test_status_of_a_site_without_its_worker(tmp_path: Path) -> None:
    program = SiteProgram(tmp_path)
    program.start()
    try:
        worker = program.pid("worker")
        os.kill(worker, signal.SIGSTOP)  # it lives and does not answer
        done = await eventually(lambda: failing(program), within_seconds=30)
        assert done is not None
        assert done.returncode == 1
        assert "DOES NOT ANSWER" in done.stdout
        assert done.stderr == ""
        program.kill("worker")
        await program.until_again("worker", worker)
        await eventually(lambda: not failing(program), within_seconds=30)
    finally:
        program.stop()
    said = complaint(sagews("status", "--config", str(program.configuration)), 2)
    assert "No site runs here" in said


def failing(program: SiteProgram) -> subprocess.CompletedProcess[str] | None:
    """What `sagews status` says, where it is not content."""
    done = sagews("status", "--config", str(program.configuration))
    return done if done.returncode else None


def test_a_site_that_was_killed_is_not_taken_for_running(tmp_path: Path) -> None:
    program = SiteProgram(tmp_path)
    program.start()
    os.kill(program.pid("run"), signal.SIGKILL)
    program.stop()
    eventually_sync(lambda: not program.processes(), within_seconds=30)
    assert "No site runs here" in complaint(sagews("status", "--config", str(program.configuration)), 2)
    program.start()
    assert program.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_site_is_ended_while_it_starts(number: signal.Signals, tmp_path: Path) -> None:
    program = SiteProgram(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "sagews", "run", "--port", "0", "--data", str(program.data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        eventually_sync((program.data / "log" / "worker.log").exists, within_seconds=30)
        process.send_signal(number)
        out, said = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in said
    assert program.processes() == set()


def test_a_reader_of_the_output_that_has_enough(site: SoloSite) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sagews", "eval", "while True: print('again')"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(SAGEWS_DATA_FOLDER=str(site.data)),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "again\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(SECONDS) == 1
