"""What the assistant says at start about its settings."""

from typing import Any

import pytest
import time_machine

from chatbot.checks import check_chunks, check_keys, check_models, check_ticket_hours


def test_nothing_to_say_when_all_is_there(settings: Any):
    settings.ANTHROPIC_API_KEY = settings.OPENAI_API_KEY = "key"

    assert check_keys(None) + check_chunks(None) == []


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ({"ANTHROPIC_API_KEY": "", "OPENAI_API_KEY": "key"}, "ANTHROPIC_API_KEY"),
        ({"ANTHROPIC_API_KEY": "", "OPENAI_API_KEY": ""}, "ANTHROPIC_API_KEY, OPENAI_API_KEY"),
    ],
)
def test_missing_key_is_named(keys: dict[str, str], names: str, settings: Any):
    for name, value in keys.items():
        setattr(settings, name, value)

    assert [(message.id, message.msg) for message in check_keys(None)] == [
        ("chatbot.W001", f"{names} not set: the assistant cannot answer")
    ]


@pytest.mark.parametrize(
    ("size", "overlap", "errors"), [(1000, 499, []), (1000, 500, ["chatbot.E001"]), (1000, -1, ["chatbot.E001"])]
)
def test_overlap_must_leave_room_for_something_new(size: int, overlap: int, errors: list[str], settings: Any):
    settings.RAG_CHUNK_SIZE, settings.RAG_CHUNK_OVERLAP = size, overlap

    assert [error.id for error in check_chunks(None)] == errors


@pytest.mark.parametrize(
    ("answer", "solution", "errors"),
    [
        ([1, 4, 8, 24], [8, 24, 72, 120], []),
        ([1, 4, 8], [8, 24, 72, 120], ["chatbot.E003"]),
        ([1, 4, 8, 24, 48], [8, 24, 72, 120, 200], ["chatbot.E003"]),
        ([0, 4, 8, 24], [8, 24, 72, 120], ["chatbot.E003"]),
        ([9, 4, 8, 24], [8, 24, 72, 120], ["chatbot.E003"]),
    ],
)
def test_every_priority_needs_hours_that_can_be_kept(
    answer: list[int], solution: list[int], errors: list[str], settings: Any
):
    settings.TICKET_FIRST_RESPONSE_HOURS, settings.TICKET_RESOLUTION_HOURS = answer, solution

    assert [error.id for error in check_ticket_hours(None)] == errors


@pytest.mark.parametrize(
    "hours",
    [
        "",
        "9",
        "09:00",
        "18:00-09:00",
        "09:00-09:00",
        "nine-five",
        "09:00-25:00",
        "09:00-18:00-20:00",
        "09:00Z-18:00",
        "09:00+01:00-18:00",
    ],
)
def test_working_hours_that_cannot_be_kept_are_named(hours: str, settings: Any):
    settings.SUPPORT_HOURS = hours

    assert [error.id for error in check_ticket_hours(None)] == ["chatbot.E004"]


@pytest.mark.parametrize(
    ("today", "names", "ids"),
    [
        ("2026-11-29", {}, []),
        ("2026-08-01", {"CLAUDE_MODEL": "claude-sonnet-4-5"}, []),
        ("2026-09-02", {"CLAUDE_MODEL": "claude-sonnet-4-5-20250929"}, ["chatbot.W003"]),
        ("2026-12-24", {"CLAUDE_REWRITE_MODEL": "claude-sonnet-4-5"}, ["chatbot.W003"]),
        ("2026-11-29", {"CLAUDE_MODEL": "claude-next"}, ["chatbot.W002"]),
        ("2026-11-29", {"CLAUDE_MODEL": "claude-haiku-5-5", "CLAUDE_TEMPERATURE": 0.5}, ["chatbot.W004"]),
        ("2026-11-29", {"CLAUDE_MODEL": "claude-sonnet-4-6", "CLAUDE_TEMPERATURE": 0.5}, []),
    ],
)
def test_model_near_its_end_is_named(today: str, names: dict[str, Any], ids: list[str], settings: Any):
    for name, value in names.items():
        setattr(settings, name, value)

    with time_machine.travel(f"{today}T12:00:00Z", tick=False):
        messages = check_models(None)

    assert [message.id for message in messages] == ids
