"""What every test of corpora shares."""

import pytest


@pytest.fixture(autouse=True)
def places_of_its_own(own_places: None) -> None:
    """Every test here has its own cache and no corpus at hand."""
