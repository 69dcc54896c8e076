"""What the assistant says at start about its settings."""

from typing import Any

import pytest

from chatbot.checks import check_chunks, check_keys


def test_nothing_to_say_when_all_is_there(settings: Any):
    settings.ANTHROPIC_API_KEY = settings.OPENAI_API_KEY = "key"

    assert check_keys(None) + check_chunks(None) == []


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"ANTHROPIC_API_KEY": "", "OPENAI_API_KEY": "key"}, "ANTHROPIC_API_KEY"),
        ({"ANTHROPIC_API_KEY": "", "OPENAI_API_KEY": ""}, "ANTHROPIC_API_KEY, OPENAI_API_KEY"),
    ],
)
def test_missing_key_is_named(keys: dict[str, str], named: str, settings: Any):
    for name, value in keys.items():
        setattr(settings, name, value)

    assert [(found.id, found.msg) for found in check_keys(None)] == [
        ("chatbot.W001", f"{named} not set: the assistant cannot answer")
    ]


@pytest.mark.parametrize(
    ("size", "overlap", "errors"), [(1000, 499, []), (1000, 500, ["chatbot.E001"]), (1000, -1, ["chatbot.E001"])]
)
def test_overlap_must_leave_room_for_something_new(size: int, overlap: int, errors: list[str], settings: Any):
    settings.RAG_CHUNK_SIZE, settings.RAG_CHUNK_OVERLAP = size, overlap

    assert [found.id for found in check_chunks(None)] == errors
