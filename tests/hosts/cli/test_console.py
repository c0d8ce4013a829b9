"""What a command's end tells the shell, and what may reach a terminal."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest

from hosts.cli.commands import INTERRUPTED
from hosts.cli.console import (
    Console,
    Exit,
    can_move,
    clean,
    exit_code,
    exit_for,
    has_colour,
    one_line,
    table,
    takes_links,
)
from runtime.errors import (
    AgentRAGError,
    AgentUnavailableError,
    ConflictError,
    DeadlineError,
    FolderInUseError,
    ForbiddenError,
    InternalError,
    InvalidInputError,
    MalformedRequestError,
    NotFoundError,
    QuotaError,
    SettingsError,
    StoreUnavailableError,
    UnauthenticatedError,
    UnreadableDocumentError,
)
from schemas.problem import Flaw


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (InternalError, 1),
        (NotFoundError, 1),
        (ConflictError, 1),
        (QuotaError, 1),
        (UnreadableDocumentError, 1),
        (InvalidInputError, 2),
        (MalformedRequestError, 2),
        (SettingsError, 2),
        (FolderInUseError, 3),
        (AgentUnavailableError, 3),
        (StoreUnavailableError, 3),
        (DeadlineError, 3),
        (UnauthenticatedError, 4),
        (ForbiddenError, 4),
    ],
)
def test_each_kind_of_error_has_its_exit_code(kind: type[AgentRAGError], code: int) -> None:
    assert exit_code(kind("x")) == code


def test_an_error_is_one_line_on_stderr_with_its_flaws(capsys: pytest.CaptureFixture[str]) -> None:
    error = InvalidInputError("the body\nis \033[31mwrong", flaws=[Flaw(pointer="/query", detail="too long")])
    assert exit_for(error) == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: the body is [31mwrong; /query: too long\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), asyncio.CancelledError()])
def test_an_interrupt_says_nothing_and_gives_130(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_for(error) == INTERRUPTED
    assert capsys.readouterr() == ("", "")


def test_a_fault_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_for(ZeroDivisionError())


def test_characters_that_steer_a_terminal_are_removed() -> None:
    hostile = "a\033]52;c;ZXZpbA==\aB\x9b2J\u202egnp.exe\r\0\tend\nü€"
    assert clean(hostile) == "a]52;c;ZXZpbA==B2Jgnp.exe\tend\nü€"
    assert one_line(hostile) == "a]52;c;ZXZpbA==B2Jgnp.exe end ü€"


def test_columns_are_aligned_and_cells_stay_on_one_line() -> None:
    text = table(("ID", "NAME"), [("doc_1", "a\nb"), ("doc_12345", "c")])
    assert text.splitlines() == ["ID         NAME", "doc_1      a b", "doc_12345  c"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("is_terminal", "environ", "colour", "moves", "links"),
    [
        (True, {}, True, True, True),
        (True, {"NO_COLOR": "", "TERM": "xterm"}, True, True, True),
        (True, {"NO_COLOR": "1", "TERM": "xterm"}, False, True, False),
        (True, {"TERM": "dumb"}, False, False, False),
        (True, {"TERM": "dumb", "FORCE_COLOR": "1"}, True, False, False),
        (True, {"TERM": "linux"}, True, True, False),
        (True, {"TERM": "vt220"}, True, True, False),
        (True, {"TERM": "xterm", "FORCE_HYPERLINK": "0"}, True, True, False),
        (False, {"TERM": "xterm"}, False, False, False),
        (False, {"FORCE_COLOR": "1"}, True, False, False),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False, False),
        (False, {"FORCE_HYPERLINK": "1"}, False, False, True),
    ],
)
def test_colours_bars_and_links_need_a_terminal_that_takes_them(
    is_terminal: bool, environ: dict[str, str], colour: bool, moves: bool, links: bool
) -> None:
    stream = Terminal() if is_terminal else io.StringIO()
    assert has_colour(stream, environ) is colour
    assert can_move(stream, environ) is moves
    assert takes_links(stream, environ) is links


def test_a_pipe_gets_data_alone_and_steps_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    Console().tell("a step")
    Console(verbose=True).tell("another step")
    Console().json({"path": str(Path("ü"))})
    assert capsys.readouterr() == ('{\n  "path": "ü"\n}\n', "another step\n")


def test_an_unfinished_line_is_ended_once(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.end_line()
    console.data("Keep", end="")
    console.data(" away", end="")
    console.end_line()
    console.end_line()
    assert capsys.readouterr().out == "Keep away\n"
