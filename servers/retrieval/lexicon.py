"""Know the words in which documents state a concept: who asks for the quick ratio looks for current assets, too.

The lexicon is a file that users can replace; `lexicon.yaml` beside this module is the packaged one and tells its form.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from runtime.errors import SettingsError
from runtime.vectors.terms import in_row, stem
from schemas.chunk import Expansion

PACKAGED = Path(__file__).with_name("lexicon.yaml")
FORM = 1
"""Version of the form of such a file."""

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Weight = Annotated[float, Field(gt=0, le=1)]
Wording = tuple[str, ...]


class Concept(BaseModel):
    """Wordings of one concept, and the words that documents state it in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: tuple[Words, ...] = Field(min_length=1)
    look_for: tuple[Words, ...] = Field(min_length=1)
    weight: Weight | None = None


class LexiconFile(BaseModel):
    """A lexicon as it is written: groups of concepts by the name of their field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(ge=FORM, le=FORM)
    language: str
    weight: Weight
    fields: dict[str, tuple[Concept, ...]] = Field(min_length=1)


class Lexicon:
    """Finds the concepts in a question: their wordings in singular or plural, the longest one at each place.

    Stems would not do: they make `liquid` of liquidity and `find` of findings. Languages other than English go by them.
    """

    def __init__(self, file: LexiconFile) -> None:
        self.language = file.language
        self._by_forms: dict[Wording, tuple[str, Concept]] = {}
        self._weight = file.weight
        for concept in (each for concepts in file.fields.values() for each in concepts):
            for wording in concept.when:
                self._add(wording, concept)
        self._longest = max(map(len, self._by_forms))

    @classmethod
    def read(cls, path: Path) -> Lexicon:
        """The lexicon in a file. Raises SettingsError that names the file, the fault and the remedy."""
        import yaml

        try:
            return cls(LexiconFile.model_validate(_parsed(path.read_text(encoding="utf-8"))))
        except OSError as error:
            fault = f"cannot be read ({error.strerror})"
        except yaml.YAMLError as error:
            fault = f"is no YAML: {' '.join(str(error).split())}"
        except ValidationError as error:
            fault = f"is not in the form of a lexicon: {_faults(error)}"
        except ValueError as error:
            fault = f"is not consistent: {error}"
        raise SettingsError(
            f"the search lexicon {path} {fault}; mend it after the example of {PACKAGED}, or set "
            f"AGENTRAG_SEARCH_LEXICON to packaged or none"
        )

    def expansions(self, text: str) -> tuple[Expansion, ...]:
        """What to look for besides the words of `text`, in order of the concepts in it, each once."""
        found = {id(concept): (said, concept) for said, concept in reversed(list(self._met(text)))}
        return tuple(
            Expansion(concept=said, words=concept.look_for, weight=concept.weight or self._weight)
            for said, concept in reversed(found.values())
        )

    def _met(self, text: str) -> Iterator[tuple[str, Concept]]:
        row, at = self._forms(text), 0
        while at < len(row):
            sizes = range(min(self._longest, len(row) - at), 0, -1)
            size = next((size for size in sizes if row[at : at + size] in self._by_forms), 0)
            if size:
                yield self._by_forms[row[at : at + size]]
            at += size or 1

    def _add(self, wording: str, concept: Concept) -> None:
        forms = self._forms(wording)
        if not forms:
            raise ValueError(f"{wording!r} has no letters or digits")
        said, known = self._by_forms.setdefault(forms, (wording, concept))
        if known is not concept:
            raise ValueError(f"{wording!r} and {said!r} are wordings of two concepts; leave one of them out")

    def _forms(self, text: str) -> Wording:
        return tuple(singular(word) if self.language == "en" else stem(word, self.language) for word in in_row(text))


def _parsed(text: str) -> Any:
    """YAML read by the safe loader in C where there is one, which takes an eighth of the time."""
    import yaml

    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both build plain values alone


def singular(word: str) -> str:
    """An English word without the ending of a plural, as far as its letters tell."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _faults(error: ValidationError) -> str:
    faults = [
        f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return "; ".join(faults[:3])


@cache
def lexicon(setting: str) -> Lexicon | None:
    """The lexicon that a setting names: `packaged`, `none`, or a file. Raises SettingsError."""
    if setting == "none":
        return None
    return Lexicon.read(PACKAGED if setting == "packaged" else Path(setting).expanduser())
