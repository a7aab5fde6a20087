"""Files written whole or not at all; see `engine.files`, which students have too."""

from ..files import write_whole

__all__ = ["write_whole"]
