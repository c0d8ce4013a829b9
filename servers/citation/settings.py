"""Knobs of the citation agent."""

from __future__ import annotations

from runtime.settings import Settings


class CitationSettings(Settings):
    """What the citation agent knows besides what every process does."""

    page_memory_mb: int = 1024
    """Address space of the process that opens originals, MB."""
    page_seconds: float = 20.0
    """Seconds that drawing or measuring the pages of one document may take."""
    page_processes: int = 4
    """Such processes that are kept warm, each for one tenant."""
    page_image_ttl: float = 600.0
    """Seconds that a drawn page is kept."""
    max_claim_reference_chars: int = 200_000
    """Characters of all references that a claim is compared with."""
