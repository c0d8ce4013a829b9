"""When Python looks for garbage: seldom, and not in what start-up made."""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 20_000
"""Objects that are made before the collector looks at them. A search makes thousands, none of them in a cycle."""


def settle() -> None:
    """Leave what is there by now, which stays, out of all later collections; call it once a service is up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
