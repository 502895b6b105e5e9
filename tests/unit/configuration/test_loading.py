from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sagews.configuration import catalogue, load, load_with_origins
from sagews.configuration.values import shown
from sagews.errors import ConfigurationError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sagews.toml"


def mistakes(file: Path, text: str | bytes, environ: dict[str, str] | None = None) -> list[str]:
    """The lines that loading a file reports, without the folder of the file."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        load(file, environ or {})
    return [line.replace(f"{file}", file.name) for line in caught.value.what.split("\n")]


def test_without_a_file_the_defaults_hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    configuration = load(None, {})
    assert configuration.backend.port == 8765
    assert configuration.worker.lease_seconds == 10
    assert list(configuration.worker.environments) == ["sage", "python"]
    assert configuration.data_folder == tmp_path / "data"
    assert configuration.database_url == f"sqlite+aiosqlite:///{tmp_path}/data/sagews.sqlite"


def test_file_overrides_default_and_variable_overrides_file(file: Path) -> None:
    file.write_text("[worker.session]\nmemory_megabytes = 700\nprocesses = 9\n")
    loaded = load_with_origins(file, {"SAGEWS_WORKER_SESSION_MEMORY_MEGABYTES": "800", "HOME": "/"})
    session = loaded.configuration.worker.session
    assert (session.memory_megabytes, session.processes) == (800, 9)
    assert loaded.origins["worker.session.memory_megabytes"] == "environment SAGEWS_WORKER_SESSION_MEMORY_MEGABYTES"
    assert loaded.origins["worker.session.processes"] == "file line 3"
    assert loaded.origins["worker.session.open_files"] == "default"


def test_configuration_cannot_be_changed() -> None:
    configuration = load(None, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        configuration.worker.session.processes = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        configuration.worker.environments["x"] = configuration.worker.environments["sage"]  # type: ignore[index]


def test_folder_starts_from_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('data_folder = "here"\n')
    assert load(file, {}).data_folder == file.parent / "here"
    monkeypatch.chdir("/")
    assert load(file, {"SAGEWS_DATA_FOLDER": "there"}).data_folder == Path("/there")
    monkeypatch.setenv("HOME", "/home/me")
    assert load(file, {"SAGEWS_DATA_FOLDER": "~/there"}).data_folder == Path("/home/me/there")


def test_named_group_changes_and_adds(file: Path) -> None:
    file.write_text(
        "[worker.environments.python]\nenabled = false\n"
        '[worker.environments.old-sage]\nkind = "sage"\ninterpreter = "/opt/sage/bin/python"\n'
        'preload_modules = ["sage.all", "numpy"]\n'
    )
    environments = load(file, {}).worker.environments
    assert environments["sage"].enabled
    assert not environments["python"].enabled
    assert environments["python"].kind == "python"
    assert environments["old-sage"].preload_modules == ("sage.all", "numpy")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[backend]\nprt = 1", "sagews.toml:2: backend.prt is unknown; did you mean backend.port?"),
        ("memory_megabytes = 1", "sagews.toml:1: memory_megabytes is unknown; did you mean worker.session.memory_m"),
        ("\n\n[wroker]\nport = 1", "sagews.toml:3: wroker is unknown; did you mean worker?"),
        ("[log]\nzzz = 1", "sagews.toml:2: log.zzz is unknown; allowed here: level, format"),
        ('[backend]\n"a\\nb" = 1', 'sagews.toml:2: backend."a\\nb" is unknown; allowed here: hosts, user'),
        ("backend = 3", "sagews.toml:1: backend is 3; allowed: a table [backend]"),
        ("[backend]\nport = 65536", "sagews.toml:2: backend.port is 65536; allowed: a whole number from 0 to 65535"),
        ("[backend]\nport = true", "sagews.toml:2: backend.port is true; allowed: a whole number from 0 to 65535"),
        ("[backend]\nport = 80.0", "sagews.toml:2: backend.port is 80.0; allowed: a whole number from 0 to 65535"),
        ("[backend]\ncookie_days = nan", "sagews.toml:2: backend.cookie_days is nan; allowed: a number from 0.01"),
        ("[backend]\ncookie_days = [\n1,\n2]", "sagews.toml:2: backend.cookie_days is a list; allowed: a number"),
        ('[log]\nlevel = "loud"', 'sagews.toml:2: log.level is "loud"; allowed: "debug" or "info" or "warning" or '),
        ('data_folder = "~nobody-like-this/x"', "sagews.toml:1: data_folder is "),
        ('data_folder = ""', 'sagews.toml:1: data_folder is ""; allowed: a path'),
        ('[site]\nname = "a\\u0000b"', "sagews.toml:2: site.name is "),
        ("[worker.environments.X]", "sagews.toml:1: worker.environments.X is no name; allowed: a small letter"),
        ("[worker.environments]\nmine = 1", "sagews.toml:2: worker.environments.mine is 1; allowed: a table [worker"),
        ('[worker.environments.x]\npreload_modules = ["a b"]', "sagews.toml:2: worker.environments.x.preload_modules "),
        ("worker = { session = { processes = 0 } }", "sagews.toml:1: worker.session.processes is 0; allowed: "),
        ("[worker]\nping_seconds = 5", "sagews.toml:2: worker.dead_after_seconds is too short; allowed: more than "),
        ('[backend]\naddress = "0.0.0.0"', "sagews.toml:2: backend.address is no loopback address; allowed"),
        ("a = 1\na = 2", "sagews.toml:2: Cannot overwrite a value; allowed: TOML, such as"),
        ("a = 1\nb =", "sagews.toml:2: Invalid value; allowed: TOML, such as"),
        (b"# ok\n# \xff", "sagews.toml:2: byte 0xff is no text; allowed: UTF-8"),
        ("a = " + "[" * 5000, "sagews.toml: brackets are nested too deeply; allowed: "),
        ("#" * 300_000, "sagews.toml: is too large for a configuration; allowed: "),
    ],
)
def test_each_mistake_is_one_line(file: Path, text: str | bytes, expected: str) -> None:
    (line,) = mistakes(file, text)
    assert line.startswith(expected)


def test_all_mistakes_are_reported_in_the_order_of_the_file(file: Path) -> None:
    text = '[worker]\nport = -1\n\n[backend]\nprot = 3\nport = "x"\n[lgo]\n'
    lines = mistakes(file, text, {"SAGEWS_LOG_LEVEL": "loud", "SAGEWS_BACKEND_PROT": "1", "SAGEWS_TOKEN": "x"})
    assert [line.split(" ")[0] for line in lines] == [
        "sagews.toml:2:",
        "sagews.toml:5:",
        "sagews.toml:6:",
        "sagews.toml:7:",
        "SAGEWS_BACKEND_PROT:",
        "SAGEWS_LOG_LEVEL:",
    ]
    assert lines[4] == "SAGEWS_BACKEND_PROT: is no variable of a setting; did you mean SAGEWS_BACKEND_PORT?"
    assert lines[5].startswith('SAGEWS_LOG_LEVEL: log.level is "loud"; allowed: ')


def test_password_in_an_address_is_not_shown(file: Path) -> None:
    (line,) = mistakes(file, '[database]\nurl = "mysql://me:secret@host/name"\n')
    assert "secret" not in line
    assert "mysql://me:...@host/name" in line


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load(tmp_path / "missing.toml", {})
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        load(tmp_path, {})


KEYS = st.sampled_from([entry.path for entry in catalogue.entries()])
VALUES = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.text(), st.lists(st.text()), st.dictionaries(st.text(), st.integers())
)


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{shown(key)} = {item}" for key, item in value.items()) + "}"
    return shown(value)


def outcome(file: Path | None, environ: dict[str, str]) -> list[str]:
    """The mistakes; none where there is a configuration."""
    try:
        load(file, environ)
    except ConfigurationError as error:
        return error.what.split("\n")
    return []


def check(file: Path, data: bytes) -> None:
    """Loading gives a configuration, or mistakes that are one line each and name the file."""
    file.write_bytes(data)
    for line in outcome(file, {}):
        assert line.startswith(f"{file}:")
        assert line.isprintable()


@given(data=st.binary())
def test_no_bytes_raise_anything_else(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    check(tmp_path_factory.getbasetemp() / "bytes.toml", data)


TOKENS = st.lists(
    st.sampled_from(
        [
            "[",
            "]",
            "{",
            "}",
            "=",
            ".",
            ",",
            "\n",
            '"',
            "'''",
            '"""',
            "\\",
            "#",
            " ",
            "a",
            "backend",
            "port",
            "worker",
            "environments",
            "1",
            "1e999",
            "1979-99-27",
            "true",
            "\x00",
            "\r",
            "9" * 5000,
        ]
    )
)


@given(tokens=TOKENS)
def test_no_text_like_toml_raises_anything_else(tmp_path_factory: pytest.TempPathFactory, tokens: list[str]) -> None:
    check(tmp_path_factory.getbasetemp() / "tokens.toml", "".join(tokens).encode())


@settings(max_examples=300)
@given(pairs=st.lists(st.tuples(KEYS, VALUES), max_size=4, unique_by=lambda pair: pair[0]))
def test_no_value_of_a_setting_raises_anything_else(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[tuple[str, ...], object]]
) -> None:
    lines = [f"{'.'.join(path)} = {toml(value)}" for path, value in pairs]
    check(tmp_path_factory.getbasetemp() / "values.toml", "\n".join(lines).encode("utf-8", "replace"))


@given(path=KEYS.filter(lambda path: "NAME" not in path), text=st.text())
@example(path=("worker", "ping_seconds"), text="3")  # wrong only beside the default of another setting
def test_no_variable_raises_anything_else(path: tuple[str, ...], text: str) -> None:
    variable = catalogue.variable(path)
    found = outcome(None, {variable: text})
    assert len(found) <= 1
    assert all(line.startswith(f"{variable}: ") and path[-1] in line for line in found)


def test_a_contradiction_to_a_default_is_told_where_it_was_made(file: Path) -> None:
    said = "worker.dead_after_seconds is too short; allowed: more than ping_seconds (3)"
    assert outcome(None, {"SAGEWS_WORKER_PING_SECONDS": "3"}) == [f"SAGEWS_WORKER_PING_SECONDS: {said}"]
    both = "[worker]\nping_seconds = 3\ndead_after_seconds = 2\n"
    assert mistakes(file, both) == [f"sagews.toml:3: {said}"]


def test_postgresql_has_to_let_in_every_backend(tmp_path: Path) -> None:
    file = tmp_path / "sagews.toml"
    few = 'site.profile = "site"\npostgresql.maximum_connections = 50\nbackend.hosts = ["localhost", "localhost"]\n'
    file.write_text(few)
    with pytest.raises(ConfigurationError, match=r"maximum_connections.* at least 62"):
        load(file, {})
    file.write_text(few + 'database.url = "postgresql+asyncpg://x@example.org/x"\n')
    assert load(file, {}).postgresql.maximum_connections == 50


def test_a_port_that_other_machines_have_to_know_is_configured(file: Path) -> None:
    second = 'site.profile = "site"\nworker.hosts = ["localhost", "second"]\n[hosts.second]\nssh = "192.0.2.2"\n'
    (line,) = mistakes(file, second)
    assert "worker.port is 0, which a backend on another machine cannot find out" in line
    file.write_text("worker.port = 8700\n" + second)
    assert load(file, {}).worker.port == 8700
