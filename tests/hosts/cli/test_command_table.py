"""The table of commands is true: every entry leads to a command, and its help says what, with examples."""

from __future__ import annotations

from importlib import import_module

import pytest

from hosts.cli.commands import COMMANDS, EXITS, HEADINGS, epilogue
from hosts.cli.main import create_app

LEAVES = [words for words, entry in COMMANDS.items() if entry.where]


@pytest.mark.parametrize("words", LEAVES)
def test_every_entry_leads_to_a_function_with_examples_that_call_it(words: str) -> None:
    entry = COMMANDS[words]
    module, _, name = entry.where.partition(":")
    assert callable(getattr(import_module(module), name))
    assert any(f"agentrag {words}" in example for example in entry.examples)


@pytest.mark.parametrize("words", list(COMMANDS))
def test_every_line_is_a_sentence_that_fits_beside_its_name(words: str) -> None:
    line = COMMANDS[words].line
    assert line.endswith(".")
    assert len(line) <= 68


def test_commands_stand_under_a_heading_or_within_a_group() -> None:
    for words, entry in COMMANDS.items():
        assert (entry.heading in HEADINGS) if " " not in words else (words.split()[0] in COMMANDS)


@pytest.mark.parametrize("words", list(COMMANDS))
def test_help_ends_with_the_examples_and_the_exit_codes(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        create_app()([*words.split(), "--help"])
    assert left.value.code in (0, None)
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.endswith(" ".join(epilogue(COMMANDS[words].examples).split()))
    assert " ".join(EXITS.split()) in shown
