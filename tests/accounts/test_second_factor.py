"""The second factor: asked for at every sign-in by pages and API, each code good once, obligatory for staff."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.login import pipeline, sessions, throttle
from accounts.login.origin import Origin
from accounts.mfa import backup_codes, services, totp
from accounts.models import BackupCode, KnownDevice, LoginThrottle, PendingLogin, UserSession
from notifications.models import Mail
from tests.authenticator import code_of, next_code_of, set_up_app
from tests.factories import PASSWORD, make_api_session, make_customer, sign_in

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 24, 9, 0, 10, tzinfo=UTC)
SECURITY = "/area/sicurezza/"
CODE = "/account/codice/"


def log_in(client: Client, user: Any, **options: Any) -> Any:
    return client.post("/account/accedi/", {"email": user.email, "password": PASSWORD}, **options)


def is_signed_in(client: Client) -> bool:
    return client.get("/area/").status_code == 200


def errors(page: Any) -> list[str]:
    return [str(message) for messages in page.context["form"].errors.values() for message in messages]


# --- Setting up ---------------------------------------------------------------------------------------------------


def begin(client: Client) -> Any:
    return client.post(f"{SECURITY}app/nuova/", follow=True)


def test_app_is_set_up_with_a_qr_code_and_its_first_code(customer: Any, customer_client: Client):
    page = begin(customer_client)
    reloaded = customer_client.get(f"{SECURITY}app/")
    done = customer_client.post(f"{SECURITY}app/", {"code": code_of(customer)})

    secret = page.context["setup"].secret
    assert "<svg" in page.content.decode()
    assert "otpauth://totp/AI%20Strategy%20Hub" in page.context["setup"].otpauth_uri
    assert reloaded.context["setup"].secret == secret
    assert len(done.context["codes"]) == 10
    assert all(code in done.content.decode() for code in done.context["codes"])
    assert totp.is_enabled(customer)
    assert secret not in customer_client.get(SECURITY).content.decode()


def test_secret_and_codes_are_shown_once(customer: Any, customer_client: Client):
    begin(customer_client)
    customer_client.post(f"{SECURITY}app/", {"code": code_of(customer)})

    back = customer_client.get(f"{SECURITY}app/")
    again = customer_client.post(f"{SECURITY}app/", {"code": next_code_of(customer)})

    assert (back.status_code, back["Location"]) == (302, SECURITY)
    assert (again.status_code, again["Location"]) == (302, SECURITY)


@pytest.mark.parametrize("code", ["000000", "", "abcdef", "12345", "1234567", "٠١٢٣٤٥"])
def test_wrong_first_code_turns_nothing_on(code: str, customer: Any, customer_client: Client):
    begin(customer_client)

    page = customer_client.post(f"{SECURITY}app/", {"code": code})

    assert page.status_code == 200
    assert errors(page) != []
    assert not totp.is_enabled(customer)


def test_secret_that_was_not_proved_is_good_for_a_quarter_of_an_hour(customer: Any):
    totp.begin_setup(user=customer, now=AT)

    with pytest.raises(totp.SetupExpiredError):
        services.enable_totp(user=customer, code=code_of(customer, AT + totp.SETUP_TIME), now=AT + totp.SETUP_TIME)

    assert totp.pending_setup(customer, AT + totp.SETUP_TIME) is None


def test_second_setup_takes_the_place_of_the_first_until_one_is_proved(customer: Any):
    first = totp.begin_setup(user=customer, now=AT)
    second = totp.begin_setup(user=customer, now=AT)
    services.enable_totp(user=customer, code=code_of(customer, AT), now=AT)

    assert first.secret != second.secret
    assert TOTPDevice.objects.count() == 1
    with pytest.raises(totp.AlreadyEnabledError):
        totp.begin_setup(user=customer, now=AT)


def test_turning_it_on_ends_the_sessions_that_knew_less_and_tells_the_owner(customer: Any, customer_client: Client):
    other, app = Client(), make_api_session(customer)
    sign_in(other, customer)
    begin(customer_client)

    customer_client.post(f"{SECURITY}app/", {"code": code_of(customer)})

    assert (is_signed_in(customer_client), is_signed_in(other)) == (True, False)
    assert other.get("/api/v1/me", headers={"Authorization": f"Bearer {app.access}"}).status_code == 401
    assert UserSession.objects.get(ended_at=None).second_factor == "totp"
    assert Mail.objects.get().subject == "Il tuo account ora chiede un codice"


def test_setting_up_asks_who_one_is_when_that_was_long_ago(customer: Any, customer_client: Client):
    UserSession.objects.update(authenticated_at=timezone.now() - timedelta(minutes=16))

    answer = customer_client.post(f"{SECURITY}app/nuova/")
    confirmed = customer_client.post(answer["Location"], {"password": PASSWORD, "next": SECURITY})

    assert answer["Location"] == "/account/conferma/?next=%2Farea%2Fsicurezza%2F"
    assert confirmed["Location"] == SECURITY
    assert begin(customer_client).context["setup"].secret


# --- Signing in ---------------------------------------------------------------------------------------------------


def test_password_alone_opens_nothing_once_an_app_is_set_up(client: Client, customer: Any, api: Any):
    set_up_app(customer)

    page = log_in(client, customer)
    status, body = api("post", "auth/login", {"email": customer.email, "password": PASSWORD})

    assert (page["Location"], is_signed_in(client)) == (CODE, False)
    assert (status, body["mfa_required"], body["methods"], body["expires_in_s"]) == (
        200, True, ["totp", "backup_code"], 300,
    )  # fmt: skip
    assert set(body) == {"mfa_required", "mfa_token", "methods", "expires_in_s"}
    assert api("get", "me", token=body["mfa_token"])[0] == 401
    assert api("post", "auth/refresh", {"refresh": body["mfa_token"]})[0] == 401


def test_code_of_the_app_completes_the_sign_in_and_leads_on(client: Client, customer: Any):
    set_up_app(customer)
    client.post("/account/accedi/", {"email": customer.email, "password": PASSWORD, "next": "/area/ordini/"})

    answer = client.post(CODE, {"code": f" {code_of(customer)[:3]} {code_of(customer)[3:]} "})

    assert (answer["Location"], is_signed_in(client)) == ("/area/ordini/", True)
    assert UserSession.objects.get(ended_at=None).second_factor == "totp"


def test_api_gives_tokens_for_the_code(customer: Any, api: Any):
    set_up_app(customer)
    _status, challenge = api("post", "auth/login", {"email": customer.email, "password": PASSWORD})

    status, pair = api("post", "auth/mfa/verify", {"mfa_token": challenge["mfa_token"], "code": code_of(customer)})

    assert (status, set(pair)) == (200, {"access", "refresh", "expires_in_s"})
    assert api("get", "me", token=pair["access"])[0] == 200


def test_backup_code_enters_once_and_its_owner_is_told(client: Client, customer: Any):
    code = set_up_app(customer)[3]
    Mail.objects.all().delete()
    log_in(client, customer)
    entered = client.post(CODE, {"code": code.upper()})
    other = Client()
    log_in(other, customer)

    again = other.post(CODE, {"code": code})

    assert (entered.status_code, again.status_code, is_signed_in(other)) == (302, 200, False)
    assert backup_codes.count_left(customer) == 9
    mail = Mail.objects.get(kind="security_notice")
    assert (mail.subject, "Codici di riserva rimasti: 9" in mail.text) == (
        "È stato usato un codice di riserva del tuo account", True,
    )  # fmt: skip


def test_each_of_the_ten_backup_codes_enters(customer: Any):
    codes = set_up_app(customer)

    assert [backup_codes.verify(user=customer, code=code, now=AT) for code in codes] == [True] * 10
    assert backup_codes.count_left(customer) == 0
    assert "backup_code" not in pipeline.second_factors_of(customer)


def test_backup_codes_are_kept_as_argon2_hashes(customer: Any, settings: Any):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    codes = set_up_app(customer)

    rows = list(BackupCode.objects.values_list("code_hash", flat=True))
    assert all(row.startswith("argon2$argon2id$") for row in rows)
    assert [code for code in codes for row in rows if code.replace("-", "") in row] == []


@pytest.mark.parametrize("who", ["right", "unknown start"])
def test_wrong_backup_code_costs_one_hash(who: str, customer: Any, hashes: Any):
    code = set_up_app(customer)[0]
    wrong = code[:2] + "zz-zzzz-zzzz" if who == "right" else "00zz-zzzz-zzzz"
    hashes.count = 0

    assert not backup_codes.verify(user=customer, code=wrong, now=AT)
    assert hashes.count == 1


def test_code_is_good_for_its_thirty_seconds_alone(customer: Any):
    set_up_app(customer, now=AT)
    code = code_of(customer, AT)
    step = timedelta(seconds=30)

    early = totp.verify(user=customer, code=code, now=AT - step)
    late = totp.verify(user=customer, code=code, now=AT + step)
    in_time = totp.verify(user=customer, code=code, now=AT)

    assert (early, late, in_time) == (False, False, True)


@pytest.mark.parametrize("off", [-3600, -29, 29, 3600])
def test_phone_whose_clock_is_off_is_refused_and_changes_nothing(off: int, customer: Any):
    """At ten seconds past the half minute: 29 s either way are another step. What has just expired is said so."""
    set_up_app(customer, now=AT)
    attempt = pipeline.begin(user=customer, kind="web", origin=Origin(), now=AT)
    code = code_of(customer, AT + timedelta(seconds=off if off != 29 else 30))

    with pytest.raises(pipeline.WrongSecondFactorError) as refusal:
        pipeline.verify_code(token=attempt.token, kind="web", code=code, origin=Origin(), now=AT)

    assert isinstance(refusal.value, pipeline.ExpiredCodeError) is (off == -29)
    assert PendingLogin.objects.get().used_at is None
    user, _proof = pipeline.verify_code(
        token=attempt.token, kind="web", code=code_of(customer, AT), origin=Origin(), now=AT
    )
    assert user == customer


def test_same_code_a_second_later_opens_nothing(client: Client, customer: Any):
    set_up_app(customer)
    code = code_of(customer)
    log_in(client, customer)
    client.post(CODE, {"code": code})
    thief = Client()
    log_in(thief, customer)

    page = thief.post(CODE, {"code": code})

    assert errors(page) == ["Il codice non è corretto o è già stato usato."]
    assert not is_signed_in(thief)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["totp", "backup_code"])
def test_one_code_posted_twenty_times_at_once_enters_once(kind: str, customer: Any):
    """By pages and API alike, each with a pending login of its own."""
    codes, now = set_up_app(customer), timezone.now()
    code = code_of(customer, now) if kind == "totp" else codes[0]
    doors = ["web", "api"] * 10
    tokens = [pipeline.begin(user=customer, kind=door, origin=Origin(), now=now).token for door in doors]

    def work(number: int) -> bool:
        try:
            pipeline.verify_code(token=tokens[number], kind=doors[number], code=code, origin=Origin(), now=now)
        except (pipeline.WrongSecondFactorError, throttle.AccountLockedError):
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(work, range(20)))

    assert outcomes.count(True) == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_one_pending_login_completed_by_two_codes_at_once_opens_one_session(customer: Any):
    codes, now = set_up_app(customer), timezone.now()
    token = pipeline.begin(user=customer, kind="api", origin=Origin(), now=now).token

    def work(code: str) -> bool:
        try:
            pipeline.verify_code(token=token, kind="api", code=code, origin=Origin(), now=now)
        except pipeline.PendingLoginError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(work, codes[:2]))

    assert outcomes == [False, True]


# --- The pending login --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("misuse", ["too late", "used", "another program", "other door", "unknown", "user disabled"])
def test_pending_login_is_good_once_for_five_minutes_where_it_began(misuse: str, customer: Any):
    set_up_app(customer, now=AT)
    origin = Origin("192.0.2.0/24", "Firefox")
    token = pipeline.begin(user=customer, kind="web", origin=origin, now=AT).token
    now = AT + pipeline.LIFETIME if misuse == "too late" else AT
    if misuse == "used":
        pipeline.verify_code(token=token, kind="web", code=code_of(customer, AT), origin=origin, now=AT)
        TOTPDevice.objects.update(last_t=-1)
    if misuse == "user disabled":
        customer.is_active = False
        customer.save()

    with pytest.raises(pipeline.PendingLoginError):
        pipeline.verify_code(
            token="guess" if misuse == "unknown" else token,
            kind="api" if misuse == "other door" else "web",
            code=code_of(customer, now),
            origin=Origin("192.0.2.0/24", "curl") if misuse == "another program" else origin,
            now=now,
        )

    assert LoginThrottle.objects.count() == 0  # not counted as a guess either


def test_code_of_one_login_completes_no_other(customer: Any, stranger: Any, api: Any):
    """The code is the user's of the pending login, whatever else the caller knows."""
    for user in (customer, stranger):
        set_up_app(user)
    _status, challenge = api("post", "auth/login", {"email": stranger.email, "password": PASSWORD})

    status, body = api("post", "auth/mfa/verify", {"mfa_token": challenge["mfa_token"], "code": code_of(customer)})

    assert (status, body["code"]) == (401, "mfa_code")


def test_api_tells_a_wrong_code_from_a_dead_token(customer: Any, api: Any):
    set_up_app(customer)
    _status, challenge = api("post", "auth/login", {"email": customer.email, "password": PASSWORD})

    wrong = api("post", "auth/mfa/verify", {"mfa_token": challenge["mfa_token"], "code": "000000"})
    dead = api("post", "auth/mfa/verify", {"mfa_token": "x" * 43, "code": code_of(customer)})

    assert [(status, body["code"]) for status, body in (wrong, dead)] == [(401, "mfa_code"), (401, "mfa_token")]


@pytest.mark.parametrize("path", [CODE, f"{CODE}?riserva"])
def test_page_for_the_code_without_a_password_before_it_leads_back(path: str, client: Client):
    answer = client.get(path)

    assert (answer.status_code, answer["Location"]) == (302, "/account/accedi/")


def test_code_posted_twice_by_a_double_click_leads_on(client: Client, customer: Any):
    set_up_app(customer)
    log_in(client, customer)
    code = code_of(customer)
    client.post(CODE, {"code": code})

    again = client.post(CODE, {"code": code})

    assert (again.status_code, again["Location"]) == (302, "/area/")


def test_five_wrong_codes_close_the_account_as_wrong_passwords_do(client: Client, customer: Any, mailed_link: Any):
    set_up_app(customer)
    log_in(client, customer)
    for _try in range(5):
        page = client.post(CODE, {"code": "000000"})

    locked = client.post(CODE, {"code": code_of(customer)})

    assert errors(page) == ["Il codice non è corretto o è già stato usato."]
    assert errors(locked)[0].startswith("Troppi tentativi errati")
    assert mailed_link(customer.email).startswith("/account/sblocca/")


def test_right_password_between_them_does_not_begin_the_count_anew(client: Client, customer: Any):
    set_up_app(customer)
    for _try in range(5):
        log_in(client, customer)
        client.post(CODE, {"code": "000000"})

    assert log_in(client, customer).status_code == 200
    assert not is_signed_in(client)


def test_reset_of_the_password_keeps_the_second_factor(client: Client, customer: Any, mailed_link: Any):
    set_up_app(customer)
    client.post("/account/nuova-password/", {"email": customer.email})
    client.post(mailed_link(customer.email), {"password": "una-frase-del-tutto-nuova"})

    answer = client.post("/account/accedi/", {"email": customer.email, "password": "una-frase-del-tutto-nuova"})

    assert (answer["Location"], is_signed_in(client)) == (CODE, False)


# --- Trusted devices ----------------------------------------------------------------------------------------------


def trust(client: Client, user: Any) -> None:
    log_in(client, user)
    client.post(CODE, {"code": next_code_of(user), "trust_device": "on"})
    client.post("/account/esci/")


def test_trusted_device_is_asked_for_no_code_for_thirty_days(client: Client, customer: Any):
    with time_machine.travel(AT, tick=False) as clock:
        set_up_app(customer)
        trust(client, customer)
        clock.shift(timedelta(days=30) - timedelta(seconds=1))
        within = log_in(client, customer)
        factor = UserSession.objects.latest("created_at").second_factor
        client.post("/account/esci/")
        clock.shift(timedelta(seconds=1))
        after = log_in(client, customer)

    assert (within["Location"], factor) == ("/area/", "trusted_device")
    assert after["Location"] == CODE


def test_trust_is_one_persons_on_one_device(client: Client, customer: Any, stranger: Any):
    for user in (customer, stranger):
        set_up_app(user)
    trust(client, customer)

    assert log_in(client, stranger)["Location"] == CODE
    assert log_in(Client(), customer)["Location"] == CODE


@pytest.mark.parametrize("act", ["password reset", "distrusted", "app turned off and on"])
def test_trust_ends_with_what_it_rested_on(act: str, client: Client, customer: Any, mailed_link: Any):
    set_up_app(customer)
    trust(client, customer)
    password = PASSWORD
    if act == "password reset":
        password = "una-frase-del-tutto-nuova"
        client.post("/account/nuova-password/", {"email": customer.email})
        client.post(mailed_link(customer.email), {"password": password})
    elif act == "distrusted":
        sign_in(other := Client(), customer)
        other.post(f"{SECURITY}dispositivi/{KnownDevice.objects.get().pk}/")
    else:
        services.remove_second_factor(user=customer, now=timezone.now())
        set_up_app(customer)

    answer = client.post("/account/accedi/", {"email": customer.email, "password": password})

    assert answer["Location"] == CODE


def test_nobody_distrusts_anothers_device(client: Client, customer: Any, stranger: Any):
    set_up_app(customer)
    trust(client, customer)
    sign_in(other := Client(), stranger)

    answer = other.post(f"{SECURITY}dispositivi/{KnownDevice.objects.get().pk}/")

    assert (answer.status_code, log_in(client, customer)["Location"]) == (404, "/area/")


@pytest.mark.parametrize(("before", "mails"), [(False, 0), (True, 1)])
def test_owner_is_told_of_a_new_device_but_not_of_the_first(before: bool, mails: int, customer: Any):
    if before:
        log_in(Client(), customer)

    log_in(Client(), customer, headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko Firefox/140.0"})

    assert Mail.objects.filter(kind="security_notice").count() == mails
    if mails:
        mail = Mail.objects.get()
        assert "Dispositivo: Firefox, Windows" in mail.text
        assert "Rete: 127.0.0.0/24" in mail.text


def test_device_that_comes_again_is_not_new(client: Client, customer: Any, api: Any):
    for _time in range(2):
        log_in(client, customer)
        client.post("/account/esci/")
    app = Client(headers={"User-Agent": "an app"})
    for _time in range(2):
        app.cookies.clear()
        app.post("/api/v1/auth/login", {"email": customer.email, "password": PASSWORD}, content_type="application/json")

    assert Mail.objects.filter(kind="security_notice").count() == 1  # the app's first time


# --- Staff --------------------------------------------------------------------------------------------------------


def test_staff_without_a_second_factor_are_led_to_it_and_nowhere_else(client: Client, staff: Any):
    log_in(client, staff)

    pages = [client.get(path, follow=True) for path in ("/admin/", "/admin/accounts/user/")]

    assert [page.redirect_chain[-1][0] for page in pages] == [SECURITY] * 2
    assert "La gestione si apre solo con un secondo fattore." in pages[0].content.decode()
    begin(client)
    client.post(f"{SECURITY}app/", {"code": code_of(staff)})
    assert client.get("/admin/").status_code == 200


def test_staff_cannot_turn_it_off(staff: Any, api: Any):
    set_up_app(staff)
    token = make_api_session(staff).access

    status, body = api("post", "auth/mfa/disable", {"password": PASSWORD, "code": code_of(staff)}, token=token)

    assert (status, body["code"], totp.is_enabled(staff)) == (403, "second_factor_required", True)


def test_session_without_second_factor_gives_staff_no_right(client: Client, staff: Any):
    log_in(client, staff)
    session = UserSession.objects.get()

    user, _row = sessions.find_web_user(_request_of(client), timezone.now())

    assert (session.second_factor, user.is_verified()) == ("", False)
    assert not user.has_perm("accounts.view_user")


def _request_of(client: Client) -> Any:
    return type("Request", (), {"session": client.session})()


# --- Turning off and renewing -------------------------------------------------------------------------------------


def test_customer_turns_it_off_with_password_and_code(customer: Any, customer_client: Client):
    set_up_app(customer)
    sign_in(customer_client, customer)
    page = f"{SECURITY}app/disattiva/"

    wrong_password = customer_client.post(page, {"password": "non-la-mia-password", "code": code_of(customer)})
    wrong_code = customer_client.post(page, {"password": PASSWORD, "code": "000000"})
    done = customer_client.post(page, {"password": PASSWORD, "code": code_of(customer)})

    assert (wrong_password.status_code, wrong_code.status_code, done["Location"]) == (200, 200, SECURITY)
    assert pipeline.second_factors_of(customer) == ()
    assert BackupCode.objects.count() == 0
    assert Mail.objects.filter(subject="Il tuo account non chiede più un codice").count() == 1


def test_new_backup_codes_take_the_place_of_the_old(customer: Any, customer_client: Client):
    old = set_up_app(customer)
    sign_in(customer_client, customer)

    refused = customer_client.post(f"{SECURITY}codici/", {"code": "000000"})
    page = customer_client.post(f"{SECURITY}codici/", {"code": code_of(customer)})

    new = page.context["codes"]
    assert refused.context["form"].errors
    assert (len(new), set(old) & set(new)) == (10, set())
    assert not backup_codes.verify(user=customer, code=old[0], now=AT)
    assert backup_codes.verify(user=customer, code=new[0], now=AT)


def test_api_sets_up_renews_and_turns_off(customer: Any, api: Any):
    token = make_api_session(customer).access
    status, setup = api("post", "auth/mfa/setup", {"password": PASSWORD}, token=token)
    refused = api("post", "auth/mfa/setup", {"password": "non-la-mia-password"}, token=token)
    _status, enabled = api("post", "auth/mfa/enable", {"code": code_of(customer)}, token=token)
    shown = api("get", "auth/mfa", token=token)
    _status, renewed = api("post", "auth/mfa/backup-codes", {"code": next_code_of(customer)}, token=token)
    off = api("post", "auth/mfa/disable", {"password": PASSWORD, "code": next_code_of(customer)}, token=token)

    assert (status, set(setup)) == (200, {"secret", "otpauth_uri", "qr_svg"})
    assert re.fullmatch("[A-Z2-7]{32}", setup["secret"])
    assert (refused[0], refused[1]["errors"][0]["field"]) == (400, "password")
    assert (len(enabled["backup_codes"]), len(renewed["backup_codes"])) == (10, 10)
    assert shown == (200, {"totp": True, "backup_codes_left": 10})
    assert (off[0], api("get", "auth/mfa", token=token)[1]["totp"]) == (204, False)


# --- Sessions and password ----------------------------------------------------------------------------------------


def test_page_lists_sessions_of_browsers_and_apps_and_ends_them(customer: Any, customer_client: Client):
    app = make_api_session(customer)
    page = customer_client.get(SECURITY).content.decode()
    row = UserSession.objects.get(kind="api")

    answer = customer_client.post(f"{SECURITY}sessioni/{row.pk}/")

    assert ("an app" in page, "192.0.2.0/24" in page, "Questa" in page) == (True, True, True)
    assert answer["Location"] == SECURITY
    assert customer_client.get("/api/v1/me", headers={"Authorization": f"Bearer {app.access}"}).status_code == 401
    assert is_signed_in(customer_client)


def test_nobody_ends_or_sees_anothers_session(stranger: Any, customer_client: Client, api: Any, customer: Any):
    theirs = sign_in(Client(), stranger)
    token = make_api_session(customer).access

    page = customer_client.post(f"{SECURITY}sessioni/{theirs.pk}/")
    status, _body = api("delete", f"auth/sessions/{theirs.pk}", token=token)
    _status, listing = api("get", "auth/sessions", token=token)

    assert (page.status_code, status) == (404, 404)
    assert str(theirs.pk) not in str(listing)
    theirs.refresh_from_db()
    assert theirs.ended_at is None


def test_api_lists_and_ends_sessions(customer: Any, customer_client: Client, api: Any):
    token = make_api_session(customer).access

    _status, listing = api("get", "auth/sessions", token=token)
    ended = api("delete", "auth/sessions", token=token)

    assert [(row["kind"], row["current"], row["place"]) for row in listing["results"]] == [
        ("api", True, "192.0.2.0/24"), ("web", False, "127.0.0.0/24"),
    ]  # fmt: skip
    assert set(listing["results"][0]) == {
        "id", "kind", "device", "place", "created_at", "last_used_at", "current",
    }  # fmt: skip
    assert (ended[0], is_signed_in(customer_client), api("get", "me", token=token)[0]) == (204, False, 200)


def test_new_password_ends_every_other_session_and_keeps_this_one_under_another_key(
    customer: Any, customer_client: Client
):
    app, other = make_api_session(customer), Client()
    sign_in(other, customer)
    key = customer_client.session.session_key

    refused = customer_client.post(
        f"{SECURITY}password/", {"old_password": "non-la-mia-password", "password": "una-frase-del-tutto-nuova"}
    )
    customer_client.post(f"{SECURITY}password/", {"old_password": PASSWORD, "password": "una-frase-del-tutto-nuova"})

    assert list(refused.context["form"].errors) == ["old_password"]
    assert (is_signed_in(customer_client), is_signed_in(other)) == (True, False)
    assert customer_client.get("/api/v1/me", headers={"Authorization": f"Bearer {app.access}"}).status_code == 401
    assert customer_client.session.session_key != key
    session = UserSession.objects.get(ended_at=None)
    assert session.session_key == customer_client.session.session_key
    assert Mail.objects.get().kind == "security_notice"


def test_api_changes_the_password_and_keeps_its_own_session(customer: Any, api: Any):
    token = make_api_session(customer).access
    new = "una-frase-del-tutto-nuova"

    weak = api("post", "auth/password-change", {"old_password": PASSWORD, "new_password": "corta"}, token=token)
    done = api("post", "auth/password-change", {"old_password": PASSWORD, "new_password": new}, token=token)

    customer.refresh_from_db()
    assert (weak[0], done, customer.check_password(new)) == (400, (204, None), True)
    assert api("get", "me", token=token)[0] == 200


def test_api_proves_once_more_by_password_or_code(customer: Any, api: Any):
    set_up_app(customer)
    token = make_api_session(customer).access
    UserSession.objects.update(authenticated_at=AT)

    both = api("post", "auth/reauthenticate", {"password": PASSWORD, "code": "000000"}, token=token)
    wrong = api("post", "auth/reauthenticate", {"code": "000000"}, token=token)
    right = api("post", "auth/reauthenticate", {"code": code_of(customer)}, token=token)

    assert (both[0], wrong[1]["code"], right) == (400, "mfa_code", (204, None))
    assert UserSession.objects.get(ended_at=None).authenticated_at > AT


def test_one_of_many_customers_is_told_apart(customer: Any):
    """Nothing of another's app, codes or devices counts."""
    other = make_customer("b@esempio.example")
    codes = set_up_app(customer)

    assert pipeline.second_factors_of(other) == ()
    assert not backup_codes.verify(user=other, code=codes[0], now=AT)


def test_password_between_wrong_codes_does_not_begin_the_count_anew(customer: Any, api: Any):
    """Somebody at an open session, who knows the password and not the phone."""
    set_up_app(customer)
    token = make_api_session(customer).access

    answers = [
        api("post", "auth/mfa/disable", {"password": PASSWORD, "code": "000000"}, token=token)[1]["code"]
        for _try in range(6)
    ]

    assert answers == ["mfa_code"] * 5 + ["account_locked"]
