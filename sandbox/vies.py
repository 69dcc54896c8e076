"""Stand-in for the Commission's VIES service, its REST interface.

A number is valid when its format and check digits are right (python-stdnum) and it is registered: in the small list
below, told by `POST /control/vies/numbers`, or ending in an even digit. Trouble comes as the service sends it: status
200 with `actionSucceed` false for POST, `userError` for GET. Germany and Spain never give name and address.
"""

import asyncio
import json
import re
import secrets
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from stdnum.eu import vat

from sandbox.frame import StandIn

MEMBER_STATES = (
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI",
)  # fmt: skip
NAMELESS = ("DE", "ES")
STATES = ("up", "down", "slow")
ERRORS = ("SERVICE_UNAVAILABLE", "MS_UNAVAILABLE", "TIMEOUT", "MS_MAX_CONCURRENT_REQ", "GLOBAL_MAX_CONCURRENT_REQ")
UNKNOWN = "---"


@dataclass
class Company:
    """What a register knows of a number."""

    valid: bool = True
    name: str = ""
    address: str = ""


COMPANIES = {
    "DE136695975": Company(valid=False),
    "FR40303265045": Company(name="ATELIER DES TROIS PONTS SARL", address="12 RUE DES CARMES\n75005 PARIS"),
    "ATU13585627": Company(name="DONAU WERKSTATT GMBH", address="LINDENGASSE 7\n1070 WIEN"),
    "IT00743110157": Company(name="OFFICINE DEL NAVIGLIO SPA", address="VIA DEGLI ORTI 3 \n20122 MILANO MI\n"),
}


@dataclass
class State:
    """How the service fares: `slow_s` is how long an answer takes while slow; `next_errors` hit one request each."""

    state: str = "up"
    member_states_down: list[str] = field(default_factory=list)
    slow_s: float = 12.0
    next_errors: list[str] = field(default_factory=list)

    def check(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"state is one of {', '.join(STATES)}")
        if not isinstance(self.member_states_down, list) or not set(self.member_states_down) <= set(MEMBER_STATES):
            raise ValueError(f"member_states_down are of {', '.join(MEMBER_STATES)}")
        if not isinstance(self.slow_s, int | float) or not 0 <= self.slow_s <= 120:
            raise ValueError("slow_s is between 0 and 120 seconds")
        if not isinstance(self.next_errors, list) or not set(self.next_errors) <= set(ERRORS):
            raise ValueError(f"next_errors are of {', '.join(ERRORS)}")


class ViesError(Exception):
    """An answer without verdict; the message is the service's code."""


@dataclass
class Verdict:
    country: str
    number: str
    company: Company
    identifier: str

    @property
    def name(self) -> str:
        return self._disclose(self.company.name or f"COMPANY {self.country}{self.number}")

    @property
    def address(self) -> str:
        return self._disclose(self.company.address or "1 MAIN STREET")

    def _disclose(self, text: str) -> str:
        return text if self.company.valid and self.country not in NAMELESS else UNKNOWN


class ViesStandIn(StandIn):
    name = "vies"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.state = State()
        self.companies = dict(COMPANIES)
        self.requests: deque[dict[str, Any]] = deque(maxlen=200)

    def env(self) -> dict[str, str]:
        """In production the address is https://ec.europa.eu/taxation_customs/vies."""
        return {"VIES_URL": self.url}

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/rest-api/check-vat-number", self.check_number, methods=["POST"]),
            Route("/rest-api/ms/{country}/vat/{number}", self.check_by_path),
            Route("/rest-api/check-status", self.check_status),
        ]

    def control_routes(self) -> list[BaseRoute]:
        return [
            Route("/state", self.control_state, methods=["GET", "POST"]),
            Route("/numbers", self.control_numbers, methods=["GET", "POST"]),
            Route("/requests", self.control_requests),
        ]

    async def check_number(self, request: Request) -> Response:
        try:
            body = await request.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            body = None
        if not isinstance(body, dict) or not body:
            # the service calls a body it cannot read an internal error
            return _trouble("INTERNAL_ERROR", 500)
        try:
            verdict = await self._ask(body.get("countryCode"), body.get("vatNumber"), body)
        except ViesError as error:
            return _trouble(str(error))
        traders = ("Name", "Street", "PostalCode", "City", "CompanyType")
        return JSONResponse(
            {
                "countryCode": verdict.country,
                "vatNumber": verdict.number,
                "requestDate": _now(),
                "valid": verdict.company.valid,
                "requestIdentifier": verdict.identifier,
                "name": verdict.name,
                "address": verdict.address,
                **{f"trader{each}": UNKNOWN for each in traders},
                **{f"trader{each}Match": "NOT_PROCESSED" for each in traders},
            }
        )

    async def check_by_path(self, request: Request) -> Response:
        country, number = request.path_params["country"], request.path_params["number"]
        try:
            verdict = await self._ask(country, number, dict(request.query_params))
        except ViesError as error:
            verdict = Verdict(country, number, Company(valid=False), "")
            user_error = str(error)
        else:
            user_error = "VALID" if verdict.company.valid else "INVALID"
        approximate = {
            "name": UNKNOWN,
            "street": UNKNOWN,
            "postalCode": UNKNOWN,
            "city": UNKNOWN,
            "companyType": UNKNOWN,
        }
        matches = {f"match{each}": 3 for each in ("Name", "Street", "PostalCode", "City", "CompanyType")}
        return JSONResponse(
            {
                "isValid": verdict.company.valid,
                "requestDate": _now(),
                "userError": user_error,
                "name": verdict.name,
                "address": verdict.address,
                "requestIdentifier": verdict.identifier,
                "originalVatNumber": number,
                "vatNumber": verdict.number,
                "viesApproximate": {**approximate, **matches},
            }
        )

    async def check_status(self, _request: Request) -> Response:
        up = self.state.state != "down"
        countries = [
            {
                "countryCode": country,
                "availability": "Available" if up and country not in self.state.member_states_down else "Unavailable",
            }
            for country in MEMBER_STATES
        ]
        return JSONResponse({"vow": {"available": up}, "countries": countries})

    async def _ask(self, country: Any, number: Any, requester: dict[str, Any]) -> Verdict:
        """The verdict on a number, or the trouble that keeps one from being given. Spaces, dots and dashes go."""
        record = {"at": _now(), "countryCode": country, "vatNumber": number, "outcome": ""}
        self.requests.append(record)
        try:
            verdict = await self._verdict(country, number, requester)
        except ViesError as error:
            record["outcome"] = str(error)
            raise
        record["outcome"] = "VALID" if verdict.company.valid else "INVALID"
        return verdict

    async def _verdict(self, country: Any, number: Any, requester: dict[str, Any]) -> Verdict:
        if self.state.state == "slow":
            await asyncio.sleep(self.state.slow_s)
        if self.state.next_errors:
            raise ViesError(self.state.next_errors.pop(0))
        if self.state.state == "down":
            raise ViesError("SERVICE_UNAVAILABLE")
        if country not in MEMBER_STATES or not isinstance(number, str) or not number.strip():
            raise ViesError("INVALID_INPUT")
        if country in self.state.member_states_down:
            raise ViesError("MS_UNAVAILABLE")
        plain = re.sub(r"[\s.-]", "", number).upper()
        return Verdict(country, plain, self._company(country, plain), _identifier(requester))

    def _company(self, country: str, number: str) -> Company:
        company = self.companies.get(country + number)
        if company:
            return company
        digits = re.findall(r"\d", number)
        # python-stdnum would forgive a repeated country prefix; the service does not
        is_well_formed = not number.startswith(country) and vat.is_valid(country + number)
        return Company(valid=is_well_formed and int(digits[-1]) % 2 == 0)

    async def control_state(self, request: Request) -> Response:
        """The state; POST changes the fields it names."""
        if request.method == "POST":
            try:
                state = State(**{**asdict(self.state), **await request.json()})
                state.check()
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)
            self.state = state
        return JSONResponse(asdict(self.state))

    async def control_numbers(self, request: Request) -> Response:
        """Numbers the registers know; POST adds or changes one: {"number": "DE…", "valid", "name", "address"}."""
        if request.method == "POST":
            try:
                body = dict(await request.json())
                number = _parse_number(body.pop("number", ""))
                self.companies[number] = Company(**body)
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({number: asdict(company) for number, company in sorted(self.companies.items())})

    async def control_requests(self, _request: Request) -> Response:
        return JSONResponse(list(reversed(self.requests)))


def _parse_number(text: object) -> str:
    number = re.sub(r"[\s.-]", "", str(text)).upper()
    if number[:2] not in MEMBER_STATES:
        raise ValueError("number begins with the code of a member state")
    return number


def _trouble(code: str, status: int = 200) -> JSONResponse:
    return JSONResponse({"actionSucceed": False, "errorWrappers": [{"error": code}]}, status)


def _identifier(requester: dict[str, Any]) -> str:
    """The consultation number, given to those who say who they are."""
    country, number = requester.get("requesterMemberStateCode"), requester.get("requesterNumber")
    if not country and not number:
        return ""
    if country not in MEMBER_STATES or not vat.is_valid(f"{country}{number}"):
        raise ViesError("INVALID_REQUESTER_INFO")
    return f"WAPIAAAA{secrets.token_hex(4).upper()}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
