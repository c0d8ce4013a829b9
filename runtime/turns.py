"""How Python shares its time in a service: garbage is looked for seldom, and threads hand over quickly."""

from __future__ import annotations

import gc
import sys

YOUNG_OBJECTS = 20_000
"""Objects that are made before the collector looks at them. A search makes thousands, none of them in a cycle."""


HAND_OVER_SECONDS = 0.001
"""How long a thread may keep the interpreter that another one waits for: every request waits for such a turn."""


def settle() -> None:
    """Leave what is there by now, which stays, out of all later collections; call it once a service is up."""
    sys.setswitchinterval(HAND_OVER_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
