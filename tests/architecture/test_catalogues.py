"""Translations: nothing missing, nothing doubtful, and the compiled catalogue says what the written one says."""

import gettext
import re

import pytest

from tests.architecture.catalogue import find_texts, messages
from tests.architecture.source import ROOT

LANGUAGES = ("it", "en")
ITALIAN = {message.key: message for message in messages("it")}

each_language = pytest.mark.parametrize("language", LANGUAGES)


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}", text))


def test_every_text_of_code_and_templates_is_translated():
    missing = {key: place for key, place in find_texts().items() if key not in ITALIAN}

    assert missing == {}


def test_catalogue_holds_no_text_that_nobody_asks_for():
    assert sorted(set(ITALIAN) - set(find_texts())) == []


@each_language
def test_no_translation_is_doubtful_or_empty(language: str):
    doubtful = [message.key for message in messages(language) if "fuzzy" in message.flags]
    empty = [message.key for message in messages(language) if not all(message.texts)]

    assert (doubtful, empty) == ([], [])


@each_language
def test_text_stands_once_in_its_catalogue(language: str):
    keys = [message.key for message in messages(language)]

    assert len(keys) == len(set(keys))


@each_language
def test_compiled_catalogue_is_the_written_one(language: str):
    source = {key: text for message in messages(language) for key, text in message.translations.items()}
    with (ROOT / "locale" / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        binary = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]

    assert {key: text for key, text in binary.items() if key} == source


def test_translation_keeps_every_placeholder():
    wrong = [
        message.key
        for message in ITALIAN.values()
        for text in message.texts
        if placeholders(text) != placeholders(message.key)
        and placeholders(text) != placeholders(message.parts.get("msgid_plural", message.key))
    ]

    assert wrong == []


def test_counted_text_has_both_forms():
    assert [
        message.key for message in ITALIAN.values() if "msgid_plural" in message.parts and len(message.texts) != 2
    ] == []


def test_english_catalogue_only_says_what_differs():
    assert [message.key for message in messages("en") if message.texts == [message.key]] == []


def test_typewriter_quotes_do_not_reach_italian_readers():
    wrong = [text for message in ITALIAN.values() for text in message.texts if re.search(r"\w'\w", text)]

    assert wrong == []
