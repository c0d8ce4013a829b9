"""`agentrag completion`: the script that lets a shell complete commands, options and names of documents."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from hosts.cli.console import Console, Exit
from hosts.cli.main import create_app

Shell = Literal["bash", "zsh", "fish"]

ZSH_END = """
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _cyclopts_agentrag "$@"
else
  compdef _cyclopts_agentrag agentrag
fi
"""
"""What makes one script work both from a folder of completions and by `eval`."""


def completion(shell: Annotated[Shell, Parameter(help="The shell that is to complete.")], /) -> Exit:
    """Print the script that lets a shell complete commands, options and names of documents."""
    script = create_app().generate_completion(shell=shell)
    Console().data(script + (ZSH_END if shell == "zsh" else ""), end="")
    return Exit.OK
