from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagews import __version__
from sagews.admin import main as program
from sagews.admin.command import Parser, Verbs
from sagews.admin.main import main
from sagews.errors import WorkerUnavailable


@pytest.fixture(autouse=True)
def _no_configuration_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SAGEWS_CONFIG", "SAGEWS_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sagews.admin.command.FILES", ())
    monkeypatch.chdir(tmp_path)


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of its verbs."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers(inner)


@pytest.mark.parametrize("parser", [pytest.param(parser, id=parser.prog) for parser in parsers(program.parser())])
def test_every_verb_has_help_with_examples(parser: argparse.ArgumentParser) -> None:
    text = parser.format_help()
    assert "\nexamples:\n  " in text
    assert parser.description
    assert parser.description.endswith(".")
    for action in parser._actions:
        assert action.help or isinstance(action, argparse._SubParsersAction)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"sagews {__version__}\n"


def test_without_a_verb_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "examples:" in capsys.readouterr().err
    assert main(["config"]) == 2
    assert "sagews config show" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["confgi"], "There is no command 'confgi'; did you mean config? `sagews --help` shows what is allowed."),
        (["config", "shw"], "There is no command 'shw'; did you mean show? `sagews config --help` shows what is"),
        (["zzz"], "There is no command 'zzz'; allowed: run, eval, init, start, stop, "),
        (["config", "show", "--config"], "Argument --config: expected one argument. `sagews config show --help`"),
        (["config", "show", "--nonsense"], "There is no place for the argument '--nonsense'; allowed: -h, "),
        (["config", "show", "--confg=x"], "There is no place for the argument '--confg=x'; did you mean --config?"),
        (
            ["config", "check", "x"],
            "There is no place for the argument 'x'; allowed: -h, --help, --config. `sagews con",
        ),
        (["config", "check", "--config", "nowhere"], "The configuration file nowhere cannot be read: No such file"),
    ],
)
def test_usage_errors_are_one_sentence(capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str) -> None:
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"sagews: {expected}")
    assert output.err.count("\n") == 1


class Failing:
    """A module of commands with one verb, which fails."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def add(self, verbs: Verbs) -> None:
        verbs.add("fail", "Fail.", examples=("sagews fail",)).set_defaults(run=self.run)

    def run(self, _: Namespace) -> int:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        (WorkerUnavailable("Worker 1 is down."), 1, "sagews: Worker 1 is down. Try again in a moment; "),
        (OSError(28, "No space left"), 1, "sagews: No space left. Mend that and try again.\n"),
        (ValueError("odd"), 1, "sagews: Something unexpected happened (ValueError: odd). Set SAGEWS_DEBUG=1 and "),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_of_a_verb(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    expected: str,
) -> None:
    monkeypatch.setattr(program, "COMMANDS", (Failing(error),))
    assert main(["fail"]) == status
    text = capsys.readouterr().err
    assert text.startswith(expected)
    assert "Traceback" not in text


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(program, "COMMANDS", (Failing(ValueError("odd")),))
    monkeypatch.setenv("SAGEWS_DEBUG", "1")
    assert main(["fail"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_wrong_choice_of_an_option_names_the_nearest() -> None:
    parser = Parser(prog="p")
    parser.add_argument("--color", choices=["red", "green"], help="which")
    with pytest.raises(Exception, match="There is no color 'gren'; did you mean green"):
        parser.parse_args(["--color", "gren"])
