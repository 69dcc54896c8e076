"""The widget on other sites: which may ask, what for, and that they never act with a visitor's session."""

import gzip
import json
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.core.checks import run_checks
from django.core.signing import TimestampSigner
from django.test import AsyncClient, Client

from accounts.models import User
from chatbot.conversations import callers, widget
from chatbot.models import Conversation, Message, MessageFeedback
from tests.architecture.source import ROOT
from tests.chatbot.stream import CURRENT, FOREIGN, URL, get_conversation, get_messages, get_problem, post_question, send
from tests.factories import sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("embedder")]

SITE = "https://www.cliente.example"
ELSEWHERE = "https://www.altro.example"
THERE = {"Origin": SITE}
DOORS = [
    ("POST", URL), ("GET", CURRENT), ("DELETE", CURRENT), ("POST", "/api/v1/chat/conversations"),
    ("GET", "/api/v1/chat/widget"), ("POST", f"{URL}/7f3a1c5e-0000-4000-8000-000000000000/feedback"),
    ("POST", "/api/v1/chat/conversations/7f3a1c5e-0000-4000-8000-000000000000/handoff"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def one_site(settings: Any) -> None:
    settings.CHAT_EMBED_ORIGINS = [SITE]


@pytest.fixture
def guest() -> AsyncClient:
    return AsyncClient(enforce_csrf_checks=True)


def preflight(path: str, origin: str, method: str = "POST") -> dict[str, str]:
    """What a browser is told before it sends, of what lets it send and read."""
    headers = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "x"}
    answer = Client().options(path, headers=headers)
    return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-Allow")}


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_site_in_the_list_may_send_to_each_door(method: str, path: str):
    assert preflight(path, SITE, method) == {
        "Access-Control-Allow-Origin": SITE,
        "Access-Control-Allow-Methods": "GET, POST, DELETE",
        "Access-Control-Allow-Headers": "Content-Type, X-Conversation",
    }


@pytest.mark.parametrize(("method", "path"), DOORS)
@pytest.mark.parametrize("origin", [ELSEWHERE, "null", f"{SITE}.evil.example", "http://www.cliente.example", ""])
def test_other_sites_may_not(method: str, path: str, origin: str):
    assert preflight(path, origin, method) == {}


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/orders", "/api/v1/chat/other", "/assistenza/", "/"])
def test_other_doors_stay_shut_to_the_site(path: str):
    assert preflight(path, SITE) == {}
    assert "Access-Control-Allow-Origin" not in Client().get(path, headers=THERE).headers


def test_answer_may_be_read_by_the_site_without_credentials(guest: AsyncClient):
    response, _body = send(guest, "POST", URL, {"text": FOREIGN}, **THERE)

    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == SITE
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert "origin" in response["Vary"].lower().split(", ")
    assert response["Access-Control-Expose-Headers"] == "Retry-After"
    assert dict(guest.cookies) == {}


def test_refusal_may_be_read_by_the_site_with_the_time_to_wait(guest: AsyncClient, settings: Any):
    settings.CHAT_QUESTIONS_PER_HOUR = 1
    post_question(guest, FOREIGN, THERE)

    response, body = send(guest, "POST", URL, {"text": FOREIGN}, **THERE)

    assert (response.status_code, json.loads(body)["code"]) == (429, "too_many_requests")
    assert response["Access-Control-Allow-Origin"] == SITE
    assert 0 < int(response["Retry-After"]) <= 3600


def test_site_goes_on_with_the_key_of_its_first_answer(guest: AsyncClient):
    key = post_question(guest, FOREIGN, THERE)[0][1]["key"]

    post_question(guest, "E il pesto?", {**THERE, "X-Conversation": key})

    assert Conversation.objects.get().messages.filter(role="question").count() == 2
    roles = [role for role, _text in get_messages(guest, **THERE, **{"X-Conversation": key})]
    assert roles == ["question", "answer"] * 2
    assert get_conversation(guest, **THERE, **{"X-Conversation": key})["is_guest"] is True


@pytest.mark.parametrize("kind", ["missing", "token alone", "tampered", "another's signature", "old"])
def test_without_a_good_key_there_is_no_conversation(kind: str, guest: AsyncClient, settings: Any):
    about = post_question(guest, FOREIGN, THERE)[0][1]
    key = about["key"]
    if kind == "old":
        settings_age = callers.COOKIE_AGE_S
        callers.COOKIE_AGE_S = -1
    wrong = {
        "missing": "", "token alone": about["token"], "tampered": key[:-1] + "Ab"[key[-1] == "A"],
        "another's signature": TimestampSigner(salt="other").sign(about["token"]), "old": key,
    }[kind]  # fmt: skip
    try:
        messages = get_messages(guest, **THERE, **{"X-Conversation": wrong})
        post_question(guest, "E il pesto?", {**THERE, "X-Conversation": wrong}, conversation=about["token"])
    finally:
        if kind == "old":
            callers.COOKIE_AGE_S = settings_age

    assert messages == []
    assert Conversation.objects.get(token=about["token"]).messages.count() == 2


def test_key_is_given_to_other_sites_only(guest: AsyncClient):
    plain = AsyncClient()

    assert set(post_question(plain, FOREIGN)[0][1]) == {"token"}
    assert "key" not in get_conversation(plain)
    assert set(post_question(guest, FOREIGN, THERE)[0][1]) == {"token", "key"}


def test_visitors_session_counts_for_nothing_on_another_site(customer: User):
    client = AsyncClient(enforce_csrf_checks=True)
    sign_in(client, customer)
    own_site = AsyncClient()
    sign_in(own_site, customer)
    post_question(own_site, FOREIGN)
    client.cookies["conversation"] = own_site.cookies["conversation"].value

    conversation = get_conversation(client, **THERE)
    post_question(client, "E il pesto?", THERE)
    send(client, "DELETE", CURRENT, **THERE)

    assert conversation == {"token": None, "is_guest": True, "messages": []}
    assert Conversation.objects.get(user=customer).messages.count() == 2
    assert Conversation.objects.exclude(user=customer).count() == 1
    assert get_messages(own_site) != []


def test_site_that_is_not_in_the_list_is_refused_with_and_without_a_session(customer: User, guest: AsyncClient):
    client = AsyncClient(enforce_csrf_checks=True)
    sign_in(client, customer)

    for visitor in (client, guest):
        assert get_problem(visitor, "POST", URL, {"text": FOREIGN}, Origin=ELSEWHERE) == (403, "csrf")
        assert get_problem(visitor, "DELETE", CURRENT, Origin=ELSEWHERE) == (403, "csrf")
    assert Message.objects.count() == 0


def test_our_own_pages_need_their_csrf_token_even_if_somebody_lists_them(guest: AsyncClient, settings: Any):
    settings.CHAT_EMBED_ORIGINS = [django_settings.SITE_URL, "http://testserver"]

    for origin in settings.CHAT_EMBED_ORIGINS:
        assert get_problem(guest, "POST", URL, {"text": FOREIGN}, Origin=origin) == (403, "csrf")


def test_site_judges_and_deletes_with_its_key(guest: AsyncClient):
    events = post_question(guest, FOREIGN, THERE)
    key = {**THERE, "X-Conversation": events[0][1]["key"]}
    door = f"{URL}/{events[-1][1]['reference']}/feedback"

    without = get_problem(guest, "POST", door, {"helpful": True}, **THERE)
    feedback_response, _body = send(guest, "POST", door, {"helpful": False}, **key)
    feedback_count = MessageFeedback.objects.count()
    delete_response, _body = send(guest, "DELETE", CURRENT, **key)

    statuses = (feedback_response.status_code, delete_response.status_code)
    assert (without, statuses, feedback_count) == ((404, "not_found"), (200, 204), 1)
    assert get_messages(guest, **key) == []


@pytest.mark.parametrize(
    ("origins", "is_wrong"),
    [
        ([], False), ([SITE], False), (["http://127.0.0.1:8080"], False), (["*"], True),
        (["https://*.cliente.example"], True), ([f"{SITE}/"], True), (["www.cliente.example"], True), (["null"], True),
    ],
)  # fmt: skip
def test_check_refuses_what_is_no_origin(origins: list[str], is_wrong: bool, settings: Any):
    settings.CHAT_EMBED_ORIGINS = origins

    errors = [message.id for message in run_checks(tags=["chatbot"]) if message.id == "chatbot.E002"]

    assert errors == ["chatbot.E002"] * is_wrong


def test_nobody_may_embed_by_default():
    with (ROOT / ".env.example").open() as example:
        assert "#CHAT_EMBED_ORIGINS=\n" in example.readlines()


@pytest.mark.parametrize(("requested", "language"), [("it", "it"), ("en", "en"), ("de", "it"), ("", "it")])
def test_words_come_in_the_language_asked_for(requested: str, language: str):
    answer = Client().get("/api/v1/chat/widget", {"language": requested})

    configuration = answer.json()
    assert configuration["language"] == language
    assert configuration == widget.configuration(language, base="http://testserver")
    assert answer["Cache-Control"] == "public, max-age=300"
    assert all(configuration["words"].values())
    assert [finders.find(url.partition("/static/")[2]) is None for url in configuration["stylesheets"]] == [False] * 4


def test_both_languages_have_the_same_words():
    italian, english = (widget.configuration(language, base=SITE)["words"] for language in ("it", "en"))

    assert set(italian) == set(english)
    assert {key: set(_placeholders(text)) for key, text in italian.items()} == {
        key: set(_placeholders(text)) for key, text in english.items()
    }


def _placeholders(text: str) -> list[str]:
    return [part.partition("}")[0] for part in text.split("{")[1:]]


def test_links_may_lead_to_us_and_to_the_hosts_named(settings: Any):
    settings.CHAT_LINK_HOSTS = ["eur-lex.europa.eu"]

    hosts = widget.configuration("it", base="https://aish.example")["link_hosts"]

    assert hosts == ["aish.example", "eur-lex.europa.eu", "testserver"]


def test_script_has_an_address_that_stays():
    answer = Client().get("/assistente.js")

    assert (answer.status_code, answer["Location"]) == (302, "/static/js/assistant.js")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cache-Control"] == "public, max-age=300"
    assert "Set-Cookie" not in answer.headers


def test_script_is_at_most_20_kilobytes():
    files = [ROOT / "static/js/assistant.js", *sorted((ROOT / "static/js/assistant").glob("*.js"))]

    sizes = {file.name: len(gzip.compress(file.read_bytes(), 9)) for file in files}

    assert sum(sizes.values()) <= 20_000, sizes


def test_script_makes_no_html_of_words():
    scripts = [ROOT / "static/js/assistant.js", *(ROOT / "static/js/assistant").glob("*.js")]
    ways = ("innerHTML", "outerHTML", "insertAdjacentHTML", "DOMParser", "document.write", "createContextualFragment",
            "setHTML", "eval(", "new Function", '"img"', "srcdoc")  # fmt: skip

    assert [(file.name, way) for file in scripts for way in ways if way in file.read_text()] == []
