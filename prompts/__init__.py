"""What agents say to models, kept as data: a file for each version, headed by its settings, status and changes.

Version n of a prompt is `<id>/v<n>.md`; the record of it, with figures and reviews, is `.specify/prompts/<id>.md`.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from schemas.message import Message

FOLDER = Path(__file__).parent

Status = Literal["draft", "trial", "active", "retired"]

_PARTS = re.compile(r"\A---\n(?P<head>.*?\n)---\n(?P<text>.*)\Z", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{([a-z][a-z_]*)\}")


class PromptError(ValueError):
    """A prompt is unknown, badly written or wrongly filled in; the message names it and the remedy."""


class ModelSettings(Message):
    """How the model is to be run with this text."""

    temperature: float = Field(ge=0, le=2)
    max_tokens: int = Field(ge=1, description="Most tokens the model may write.")


class Prompt(Message):
    """One version of a prompt. `trial` versions take part in experiments, one version at a time is `active`."""

    id: str = Field(pattern=r"^phr-\d{3}-[a-z][a-z-]*$")
    version: int = Field(ge=1)
    date: dt.date
    status: Status
    agent: str = Field(min_length=1, description="The agent that sends it to a model.")
    settings: ModelSettings
    metrics: dict[str, float | None] = Field(description="Figure by name; null until it was measured.")
    changes: tuple[str, ...] = Field(min_length=1, description="What is new in this version.")
    text: str = Field(min_length=1, description="Literal text with `{placeholder}`s.")

    @property
    def label(self) -> str:
        """Name of this version in answers, logs and records, e.g. `phr-002-synthesis@1`."""
        return f"{self.id}@{self.version}"

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Names that `render` wants, in the order in which they first stand in the text."""
        return tuple(dict.fromkeys(_PLACEHOLDER.findall(self.text)))

    def render(self, **values: str) -> str:
        """Fill in every placeholder once; braces inside a value stay as they are, for values are data.

        Raises: PromptError when a placeholder has no value or a value no placeholder.
        """
        wanted, given = set(self.placeholders), set(values)
        if wanted != given:
            raise PromptError(
                f"prompt {self.label} wants {sorted(wanted)} and was given {sorted(given)}; "
                f"add {sorted(wanted - given)}, leave out {sorted(given - wanted)}"
            )
        return _PLACEHOLDER.sub(lambda found: values[found[1]], self.text)


def load(prompt_id: str, version: int | None = None, *, folder: Path = FOLDER) -> Prompt:
    """Return the asked version, or the active one when no version is named. Files are read once a process.

    Raises: PromptError when there is no such prompt or version, or not exactly one active version.
    """
    versions = _versions(prompt_id, folder)
    numbers = [prompt.version for prompt in versions]
    if version is not None:
        if version not in numbers:
            raise PromptError(f"prompt {prompt_id!r} has no version {version}; it has {numbers}")
        return versions[numbers.index(version)]
    active = [prompt for prompt in versions if prompt.status == "active"]
    if len(active) != 1:
        labels = [prompt.label for prompt in active]
        raise PromptError(
            f"prompt {prompt_id!r} has the active versions {labels}; make the status of exactly one active"
        )
    return active[0]


def all_prompts(*, folder: Path = FOLDER) -> tuple[Prompt, ...]:
    """Every version of every prompt, by id, oldest version first."""
    return tuple(prompt for prompt_id in _ids(folder) for prompt in _versions(prompt_id, folder))


def _ids(folder: Path) -> list[str]:
    return sorted(home.name for home in folder.glob("phr-*") if home.is_dir())


@cache
def _versions(prompt_id: str, folder: Path) -> tuple[Prompt, ...]:
    known = _ids(folder)
    if prompt_id not in known:  # compared with the listing, so that an id is never taken for a path
        raise PromptError(f"prompt {prompt_id!r} is unknown; known are {known}")
    return tuple(sorted(map(_read, (folder / prompt_id).glob("v*.md")), key=lambda prompt: prompt.version))


def _read(path: Path) -> Prompt:
    import yaml  # loaded late: a process that runs no model never needs it

    name = f"{path.parent.name}/{path.name}"
    parts = _PARTS.match(path.read_text(encoding="utf-8"))
    if parts is None:
        raise PromptError(f"prompt file {name} does not begin with front matter; put it between two lines of ---")
    try:
        head = yaml.safe_load(parts["head"])
        prompt = Prompt.model_validate({**head, "text": parts["text"].strip()})
    except (yaml.YAMLError, TypeError, ValidationError) as error:
        raise PromptError(f"the front matter of prompt file {name} is wrong: {error}") from error
    if path.name != f"v{prompt.version}.md" or path.parent.name != prompt.id:
        wanted = f"{prompt.id}/v{prompt.version}.md"
        raise PromptError(f"prompt file {name} says that it is {prompt.label}; rename it to {wanted}")
    return prompt
