"""Every setting there is: its value, where that comes from, and what it is for; also names that nobody knows."""

from __future__ import annotations

import ast
import inspect
import os
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr, ValidationError
from pydantic_settings import DotEnvSettingsSource
from pydantic_settings import SettingsError as UnreadableSettingError

from runtime.settings import Settings

Source = Literal["default", "environment", ".env", "option"]

PREFIX = "AGENTRAG_"
EVERYBODY = "every process"
"""Who reads the settings that all share."""

_PASSWORD = re.compile(r"(?<=://)([^/:@]*):[^/@]+@")


@dataclass(frozen=True)
class Knob:
    """One setting. `default` is as it would be written."""

    name: str
    variable: str
    about: str
    default: str
    used_by: tuple[str, ...] = (EVERYBODY,)
    value: str = ""
    source: Source = "default"


@dataclass(frozen=True)
class Fault:
    """A setting whose value cannot work; the value itself is not told, since it may be a secret."""

    variable: str
    reason: str


def documented(kind: type[Settings]) -> dict[str, str]:
    """The text below each setting in the source of `kind` itself, on one line."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    lines = tree.body if isinstance(tree, ast.ClassDef) else []
    found = {}
    for field, below in pairwise(lines):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            found[field.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return found


def variable(kind: type[Settings], name: str) -> str:
    """The environment variable of a setting."""
    alias = kind.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{name.upper()}"


def written(value: Any) -> str:
    """A value as a person writes it, secrets and passwords masked."""
    match value:
        case None:
            return ""
        case SecretStr():
            return "********" if value.get_secret_value() else ""
        case tuple() | list():
            return ", ".join(written(one) for one in value)
        case bool():
            return str(value).lower()
    return _PASSWORD.sub(r"\1:********@", str(value))


def described(kinds: Mapping[str, type[Settings]]) -> list[Knob]:
    """Every setting of `Settings` and of `kinds`, by who uses it, with its default; one of the same name comes once."""
    found: dict[str, Knob] = {}
    every: dict[str, type[Settings]] = {EVERYBODY: Settings, **kinds}
    for owner, kind in every.items():
        texts = documented(kind)
        for name, field in kind.model_fields.items():
            if owner != EVERYBODY and name in Settings.model_fields:
                continue
            users = (*found[name].used_by, owner) if name in found else (owner,)
            about = found[name].about if name in found else texts.get(name, "")
            default = written(field.get_default(call_default_factory=True, validated_data={}))
            found[name] = Knob(name, variable(kind, name), about, default, users)
    return list(found.values())


def settled(kinds: Mapping[str, type[Settings]], data: Path | None) -> tuple[list[Knob], list[Fault]]:
    """Every setting with its value and source, and what is wrong with the values of others."""
    values: dict[str, tuple[str, Source]] = {}
    faults: dict[str, Fault] = {}
    every: list[type[Settings]] = [Settings, *kinds.values()]
    for kind in every:
        try:
            whole, outside = kind(), kind(_env_file=None)
        except (ValidationError, UnreadableSettingError) as error:
            faults.update({fault.variable: fault for fault in faults_of(kind, error)})
            values = {**unchecked(kind), **values}
            continue
        for name in whole.model_fields_set:
            source: Source = "environment" if name in outside.model_fields_set else ".env"
            values.setdefault(name, (written(getattr(whole, name)), source))
    if data is not None:
        values["data"] = (str(data.expanduser().resolve()), "option")
    knobs = []
    for knob in described(kinds):
        value, source = values.get(knob.name, (knob.default, "default"))
        knobs.append(replace(knob, value=value, source=source))
    return knobs, list(faults.values())


def unchecked(kind: type[Settings]) -> dict[str, tuple[str, Source]]:
    """Values as they stand in the environment and in `.env`, for when they cannot be read as settings."""
    places: list[tuple[Source, Mapping[str, str | None]]] = [
        ("environment", os.environ),
        (".env", DotEnvSettingsSource(kind).env_vars),
    ]
    found: dict[str, tuple[str, Source]] = {}
    for source, place in places:
        given = {name.upper(): value or "" for name, value in place.items()}
        for name, field in kind.model_fields.items():
            if (variable_ := variable(kind, name)) in given:
                secret = "SecretStr" in str(field.annotation)
                found.setdefault(name, ("********" if secret else written(given[variable_]), source))
    return found


def faults_of(kind: type[Settings], error: ValidationError | UnreadableSettingError) -> list[Fault]:
    """What is wrong with the values of single settings."""
    if isinstance(error, UnreadableSettingError):
        quoted = re.search(r'field "(\w+)"', str(error))
        name = variable(kind, quoted[1]) if quoted and quoted[1] in kind.model_fields else PREFIX
        return [Fault(name, 'cannot be parsed; lists are written as JSON, e.g. ["a", "b"]')]
    faults = []
    for flaw in error.errors(include_input=False, include_url=False):
        place = str(flaw["loc"][0]) if flaw["loc"] else ""
        name = variable(kind, place) if place in kind.model_fields else place or kind.__name__
        faults.append(Fault(name, flaw["msg"]))
    return faults


def unknown(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Names with our prefix that are no setting, each with the one that was probably meant, if any."""
    settings = sorted(known)
    strange = sorted({name.upper() for name in names if name.upper().startswith(PREFIX)} - set(settings))
    ends = {name.removeprefix(PREFIX): name for name in settings}
    near = {name: get_close_matches(name.removeprefix(PREFIX), ends, n=1, cutoff=0.75) for name in strange}
    return {name: ends[found[0]] if found else "" for name, found in near.items()}


def names_given() -> list[str]:
    """Names in the environment and in `.env`."""
    return [*os.environ, *DotEnvSettingsSource(Settings).env_vars]
