"""Knobs of the synthesis agent."""

from __future__ import annotations

from runtime.settings import Settings


class SynthesisSettings(Settings):
    """How answers are made; which model makes them is said by `answers_url` and `answers_model`."""

    warm_answerer: bool = True
    """Load the model behind the answers right after the start, so that the first question need not wait for it."""
