"""Prompts as files, so that a change of words is reviewed like a change of code."""

from functools import lru_cache
from importlib.resources import files


@lru_cache
def load(name: str) -> str:
    """The text of prompts/<name>.md."""
    return (files(__name__) / f"{name}.md").read_text(encoding="utf-8")
