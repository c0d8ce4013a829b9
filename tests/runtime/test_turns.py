"""The collector leaves alone what start-up made, and still finds what comes later."""

import gc
import sys
import weakref

import pytest

from runtime.turns import HAND_OVER_SECONDS, YOUNG_OBJECTS, settle


class Ring:
    """Something that holds itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before():
    before, interval = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)
    sys.setswitchinterval(interval)


def test_what_is_there_is_not_looked_at_again() -> None:
    Ring()
    settle()
    assert gc.get_threshold()[0] == YOUNG_OBJECTS
    assert sys.getswitchinterval() == pytest.approx(HAND_OVER_SECONDS)
    assert gc.get_freeze_count() > 1000
    assert not any(isinstance(one, Ring) for one in gc.get_objects())


def test_later_rings_are_still_collected() -> None:
    settle()
    gone = weakref.ref(Ring())
    gc.collect()
    assert gone() is None
