"""The VIES stand-in over HTTP."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.frame import StandIn
from sandbox.vies import MEMBER_STATES, ViesStandIn
from tests.sandbox.conftest import Running


@pytest.fixture
def vies(run_stand_in: Callable[[StandIn], Running], tmp_path: Path) -> Running:
    return run_stand_in(ViesStandIn(tmp_path))


def check(vies: Running, country: str, number: str, **requester: str) -> requests.Response:
    body = {"countryCode": country, "vatNumber": number, **requester}
    return requests.post(f"{vies.env['VIES_URL']}/rest-api/check-vat-number", json=body, timeout=5)


def by_path(vies: Running, country: str, number: str, **query: str) -> Any:
    url = f"{vies.env['VIES_URL']}/rest-api/ms/{country}/vat/{number}"
    return requests.get(url, params=query, timeout=5).json()


def trouble(code: str) -> dict[str, Any]:
    return {"actionSucceed": False, "errorWrappers": [{"error": code}]}


def test_registered_number_is_valid_with_name_and_address(vies):
    answer = check(vies, "FR", "40303265045").json()

    assert answer.pop("requestDate").endswith("Z")
    assert answer == {
        "countryCode": "FR",
        "vatNumber": "40303265045",
        "valid": True,
        "requestIdentifier": "",
        "name": "ATELIER DES TROIS PONTS SARL",
        "address": "12 RUE DES CARMES\n75005 PARIS",
        "traderName": "---",
        "traderStreet": "---",
        "traderPostalCode": "---",
        "traderCity": "---",
        "traderCompanyType": "---",
        "traderNameMatch": "NOT_PROCESSED",
        "traderStreetMatch": "NOT_PROCESSED",
        "traderPostalCodeMatch": "NOT_PROCESSED",
        "traderCityMatch": "NOT_PROCESSED",
        "traderCompanyTypeMatch": "NOT_PROCESSED",
    }


@pytest.mark.parametrize(
    ("country", "number", "valid"),
    [
        ("DE", "136695976", True),  # right check digit, ends even
        ("DE", "136695977", False),  # wrong check digit
        ("NL", "4495445B01", False),  # right, but ends odd and is in no list
        ("BE", "403019261", False),  # right, ends odd
        ("BE", "428759497", False),
        ("EL", "094259216", True),
        ("IE", "6433435F", False),  # last digit odd
        ("IE", "6433435OA", False),
        ("AT", "U13585627", True),  # in the list, though odd
        ("DE", "DE136695976", False),  # the service does not forgive the prefix inside the number
        ("DE", "12", False),
    ],
)
def test_format_check_digits_and_register_decide(vies, country, number, valid):
    assert check(vies, country, number).json()["valid"] is valid
    assert by_path(vies, country, number)["isValid"] is valid


def test_germany_gives_no_name(vies):
    answer = check(vies, "DE", "136 695 976").json()

    assert (answer["valid"], answer["vatNumber"], answer["name"], answer["address"]) == (
        True,
        "136695976",
        "---",
        "---",
    )


def test_path_form_answers_in_its_own_shape(vies):
    answer = by_path(vies, "IT", "00743110157", requesterMemberStateCode="AT", requesterNumber="U13585627")

    assert answer["userError"] == "VALID"
    assert answer["name"] == "OFFICINE DEL NAVIGLIO SPA"
    assert answer["requestIdentifier"].startswith("WAPIAAAA")
    assert (answer["originalVatNumber"], answer["viesApproximate"]["matchName"]) == ("00743110157", 3)
    assert by_path(vies, "DE", "136695977")["userError"] == "INVALID"


def test_requester_gets_a_consultation_number(vies):
    requester = {"requesterMemberStateCode": "IT", "requesterNumber": "00743110157"}

    numbers = {check(vies, "FR", "40303265045", **requester).json()["requestIdentifier"] for _ in range(2)}

    assert len(numbers) == 2
    assert all(number.startswith("WAPIAAAA") for number in numbers)


def test_wrong_requester_is_trouble_not_a_verdict(vies):
    answer = check(vies, "FR", "40303265045", requesterMemberStateCode="IT", requesterNumber="1")

    assert (answer.status_code, answer.json()) == (200, trouble("INVALID_REQUESTER_INFO"))


@pytest.mark.parametrize(("country", "number"), [("GR", "094259216"), ("GB", "980780684"), ("", "1"), ("DE", " ")])
def test_unknown_state_or_empty_number_is_invalid_input(vies, country, number):
    answer = check(vies, country, number)

    assert (answer.status_code, answer.json()) == (200, trouble("INVALID_INPUT"))


def test_unreadable_body_is_an_internal_error(vies):
    answer = requests.post(f"{vies.url}/rest-api/check-vat-number", data="{", timeout=5)

    assert (answer.status_code, answer.json()) == (500, trouble("INTERNAL_ERROR"))


def test_down_service_gives_no_verdict(vies):
    vies.post("/state", state="down")

    answer = by_path(vies, "FR", "40303265045")

    assert check(vies, "FR", "40303265045").json() == trouble("SERVICE_UNAVAILABLE")
    assert (answer["isValid"], answer["userError"], answer["name"]) == (False, "SERVICE_UNAVAILABLE", "---")
    vies.post("/state", state="up")
    assert check(vies, "FR", "40303265045").json()["valid"] is True


def test_one_member_state_down_leaves_the_others(vies):
    vies.post("/state", member_states_down=["DE"])

    status = requests.get(f"{vies.url}/rest-api/check-status", timeout=5).json()

    assert check(vies, "DE", "136695976").json() == trouble("MS_UNAVAILABLE")
    assert check(vies, "FR", "40303265045").json()["valid"] is True
    assert status["vow"] == {"available": True}
    assert [each["countryCode"] for each in status["countries"]] == list(MEMBER_STATES)
    assert [each["countryCode"] for each in status["countries"] if each["availability"] == "Unavailable"] == ["DE"]


def test_next_errors_hit_one_request_each(vies):
    vies.post("/state", next_errors=["MS_MAX_CONCURRENT_REQ", "TIMEOUT"])

    answers = [check(vies, "FR", "40303265045").json() for _ in range(3)]

    assert answers[:2] == [trouble("MS_MAX_CONCURRENT_REQ"), trouble("TIMEOUT")]
    assert answers[2]["valid"] is True


def test_slow_service_answers_late(vies):
    vies.post("/state", state="slow", slow_s=0.3)

    start = time.monotonic()
    answer = check(vies, "FR", "40303265045").json()

    assert time.monotonic() - start >= 0.3
    assert answer["valid"] is True


def test_number_can_be_told(vies):
    vies.post("/numbers", number="NL4495445B01", valid=True, name="DE MOLEN BV")
    vies.post("/numbers", number="FR 40 303 265 045", valid=False)

    body = check(vies, "NL", "4495445B01").json()

    assert (body["valid"], body["name"]) == (True, "DE MOLEN BV")
    assert check(vies, "FR", "40303265045").json()["valid"] is False


def test_requests_are_listed_newest_first(vies):
    check(vies, "FR", "40303265045")
    check(vies, "GR", "1")

    assert [(row["vatNumber"], row["outcome"]) for row in vies.get("/requests")] == [
        ("1", "INVALID_INPUT"),
        ("40303265045", "VALID"),
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/state", {"state": "asleep"}),
        ("/state", {"member_states_down": ["GR"]}),
        ("/state", {"mood": "bad"}),
        ("/state", {"next_errors": ["OOPS"]}),
        ("/numbers", {"number": "US1"}),
        ("/numbers", {"number": "DE1", "vip": True}),
    ],
)
def test_control_refuses_what_it_does_not_know(vies, path, body):
    answer = requests.post(f"{vies.control_url}{path}", json=body, timeout=5)

    assert (answer.status_code, list(answer.json())) == (400, ["error"])
