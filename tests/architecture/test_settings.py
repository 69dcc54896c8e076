"""Settings: `.env.example` names every one, and a live site does not start without what it needs."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks

from sandbox.pec.signing import SigningAuthority
from tests.architecture.source import ROOT, modules

KEY = "0123456789abcdefghijklmnopqrstuv"
KEYS = ("SECRET_KEY", "JWT_SECRET_KEY", "AUDIT_HMAC_KEY")
LIVE = {**{name: f"{KEY}-{name}" for name in KEYS}, "SITE_URL": "https://www.example.it"}
WHOLE = {
    **{name: value + (KEY if "KEY" in name else "") for name, value in LIVE.items()},
    "DATABASE_URL": "postgres://aish@127.0.0.1/aish", "POSTGRES_PASSWORD": "x", "POSTGRES_APP_PASSWORD": "y",
    "REDIS_URL": "redis://127.0.0.1/0",
    "MS_GRAPH_TENANT_ID": "t", "MS_GRAPH_CLIENT_ID": "c", "MS_GRAPH_CLIENT_SECRET": "s",
    "MS_GRAPH_SENDER_EMAIL": "a@example.it", "STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_PUBLISHABLE_KEY": "pk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x", "SELLER_VAT_NUMBER": "11847200968", "SELLER_STREET": "Via Solferino 36",
    "SELLER_POSTCODE": "20121", "SELLER_CITY": "Milano", "SELLER_PROVINCE": "MI", "SELLER_REA_OFFICE": "MI",
    "SELLER_REA_NUMBER": "2098417", "SELLER_SHARE_CAPITAL": "50000.00", "SDI_PEC_EMAIL": "a@pec.it",
    "SDI_PEC_PASSWORD": "p", "SDI_PEC_SMTP_HOST": "smtp.pec.it", "SDI_PEC_IMAP_HOST": "imap.pec.it",
    "ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k",
}  # fmt: skip
STRIPE = ("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRETS")
PEC = ("SDI_PEC_EMAIL", "SDI_PEC_PASSWORD", "SDI_PEC_SMTP_HOST", "SDI_PEC_IMAP_HOST")
NO_SETTINGS = {"DJANGO_SETTINGS_MODULE"}  # read by Django itself


def names_read() -> set[str]:
    """The first argument of env.…("NAME") and os.environ.get("NAME")."""
    names: set[str] = set()
    for path in ("config/settings.py", "config/celery.py", "config/libraries/stores.py"):
        for node in ast.walk(modules()[path]):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            if re.fullmatch(r"env\.\w+|os\.environ\.get", ast.unparse(node.func)):
                names.add(str(node.args[0].value))
    return names - NO_SETTINGS


def example() -> list[tuple[str, str, str]]:
    """Comment, name and value of each setting in `.env.example`; the name has its # where the line has one."""
    text = (ROOT / ".env.example").read_text()
    return re.findall(r"^# (.+)\n(#?[A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE)


def run_python(code: str, values: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Exit status and output of a process whose only settings are these."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [sys.executable, *(["-c", code] if code else []), *arguments]
    result = subprocess.run(
        command, cwd=ROOT, env={**inherited, "READ_ENV_FILES": "False", **values}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    return result.returncode, result.stdout + result.stderr


def settings_of(values: dict[str, str], *names: str) -> list[Any]:
    """What these settings are in such a process."""
    status, output = run_python(f"from config import settings; print([vars(settings)[n] for n in {names}])", values)
    assert status == 0, output
    return list(ast.literal_eval(output))


def test_example_names_every_setting_once_with_a_comment():
    lines = [line for line in (ROOT / ".env.example").read_text().splitlines() if re.match(r"#?[A-Z][A-Z0-9_]*=", line)]
    names = [name.lstrip("#") for _comment, name, _value in example()]

    assert len(lines) == len(names), "a line without a comment above it"
    assert sorted(names) == sorted(names_read())


def test_example_holds_no_secret_and_no_real_address():
    open_names = {name: value for _comment, name, value in example() if not name.startswith("#")}

    assert open_names == dict.fromkeys(WHOLE, "")


def test_example_shows_the_defaults_that_are():
    examples = {name.lstrip("#"): value for _comment, name, value in example() if name.startswith("#") and value}
    env = {name: value for name, value in examples.items() if name != "READ_ENV_FILES"}
    expression = "{n: repr(v) for n, v in vars(s).items() if n.isupper() and n != 'UNFOLD'}"  # that one holds functions
    code = f"from config import settings as s; print({expression})"

    plain, commented = (
        ast.literal_eval(run_python(code, {**LIVE, "PYTHONHASHSEED": "0", **values})[1]) for values in ({}, env)
    )

    differences = {name for name in plain if plain[name] != commented[name]}
    assert differences == {"EMAIL_BACKEND", "MEDIA_ROOT", "STATIC_ROOT"}  # shown as what a live site would say


@pytest.mark.parametrize("missing", sorted(LIVE))
def test_live_site_does_not_start_without(missing: str):
    status, output = run_python("import config.settings", {name: LIVE[name] for name in LIVE if name != missing})

    assert status == 1
    assert output.splitlines()[-1].startswith(f"django.core.exceptions.ImproperlyConfigured: {missing} must be set")


@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY", "AUDIT_HMAC_KEY"])
def test_key_shorter_than_32_characters_is_refused(name: str):
    status, output = run_python("import config.settings", {**LIVE, name: "k" * 31})

    assert status == 1
    assert output.splitlines()[-1] == (
        f"django.core.exceptions.ImproperlyConfigured: {name} must be set and have at least 32 characters"
    )


def test_keys_and_seller_are_made_up_in_development_only():
    names = ("SELLER_VAT_NUMBER", "SITE_URL")

    assert settings_of({"DEBUG": "true"}, *names) == ["11847200968", "http://127.0.0.1:8000"]
    assert settings_of(LIVE, *names) == ["", "https://www.example.it"]


def test_live_site_with_every_setting_passes_every_check(tmp_path: Path):
    whole = WHOLE | {"TRUSTED_PROXY_COUNT": "1", "SDI_PEC_SIGNER_CA_FILE": str(SigningAuthority(tmp_path).root_file)}

    status, output = run_python("", whole, "manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert (status, output) == (0, "System check identified no issues (0 silenced).\n")


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        ({}, []),
        ({"SELLER_NAME": "", "SELLER_CITY": ""}, ["SELLER_NAME, SELLER_CITY must be set: they are on every invoice"]),
        ({"SELLER_VAT_NUMBER": "11847200969"}, ["SELLER_VAT_NUMBER is not a valid partita IVA"]),
        ({"STRIPE_SECRET_KEY": "sk_live_x"},
         ["STRIPE_PUBLISHABLE_KEY, STRIPE_WEBHOOK_SECRET must be set together with the other keys of Stripe"]),
        ({"RAG_CHUNK_OVERLAP": 500}, ["RAG_CHUNK_OVERLAP must be less than half of RAG_CHUNK_SIZE"]),
    ],
)  # fmt: skip
def test_check_names_the_variable_that_is_wrong(change: dict[str, Any], texts: list[str], settings: Any):
    for name in STRIPE:
        setattr(settings, name, "")
    for name, value in change.items():
        setattr(settings, name, value)

    messages = run_checks(tags=["billing", "chatbot", "invoicing"])

    assert [message.msg for message in messages if message.is_serious()] == texts


@pytest.mark.parametrize("equal", [KEYS, KEYS[:2], KEYS[1:], (KEYS[0], KEYS[2])])
def test_equal_keys_are_refused_by_name(equal: tuple[str, ...]):
    """NIST SP 800-57-1 §5.2: one that leaks must not open what the others sign."""
    status, output = run_python("", {**LIVE, **dict.fromkeys(equal, KEY)}, "manage.py", "check", "--tag", "core")

    assert status == 1
    assert f"{', '.join(equal)} are equal: each must be a key of its own" in output


@pytest.mark.parametrize(
    ("site", "proxies", "is_warned"), [("https", 0, True), ("https", 1, False), ("http", 0, False), ("http", 1, False)]
)
def test_https_without_a_proxy_is_asked_about(site: str, proxies: int, is_warned: bool, settings: Any):
    settings.HTTPS, settings.TRUSTED_PROXY_COUNT = site == "https", proxies

    messages = run_checks(tags=["core"], include_deployment_checks=True)

    assert [message.id for message in messages] == (["core.W001"] if is_warned else [])


def test_site_without_vendors_starts_and_says_what_it_cannot_do(settings: Any):
    for name in (*STRIPE, *PEC, "ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        setattr(settings, name, "")

    messages = run_checks(tags=["billing", "chatbot", "invoicing"])

    assert sorted(message.msg for message in messages) == [
        "ANTHROPIC_API_KEY, OPENAI_API_KEY not set: the assistant cannot answer",
        f"{', '.join(PEC)} not set: invoices will not be sent to SDI",
        "STRIPE_SECRET_KEY is not set: nothing can be paid",
    ]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("RATE_LIMIT_BURST", "", "a whole number"), ("MAX_UPLOAD_SIZE_MB", "10 MB", "a whole number"),
        ("CLAUDE_TEMPERATURE", "warm", "a number"),
        ("TICKET_RESOLUTION_HOURS", "9,x", "a list of numbers, with commas between them,"),
    ],
)  # fmt: skip
def test_value_that_is_no_number_is_named_in_one_sentence(name: str, value: str, expected: str):
    status, output = run_python("", {**LIVE, name: value}, "manage.py", "check")

    assert status == 1
    assert output == f"manage.py: {name} is {value!r}: {expected} was expected. Without its line the default applies.\n"


def test_lists_are_read_without_the_blanks_people_write():
    lists = {"ALLOWED_HOSTS": " a.it, b.it ,", "CHAT_EMBED_ORIGINS": "https://a.it, https://b.it"}

    assert settings_of({**LIVE, **lists}, *lists) == [["a.it", "b.it"], ["https://a.it", "https://b.it"]]


def test_secret_is_read_from_a_file_without_its_line_break(tmp_path: Path):
    ends = {"SECRET_KEY": "", "JWT_SECRET_KEY": "\n", "AUDIT_HMAC_KEY": "\r\n"}
    for name, end in ends.items():
        (tmp_path / name).write_bytes(f"{KEY}-{name}{end}".encode())
    files = {f"{name}_FILE": str(tmp_path / name) for name in ends}

    assert settings_of({**LIVE, **files}, *ends) == [f"{KEY}-{name}" for name in ends]


def test_secret_file_that_is_not_there_stops_the_start():
    status, output = run_python("import config.settings", {**LIVE, "SECRET_KEY_FILE": "/nowhere/key"})

    assert (status, "/nowhere/key" in output) == (1, True)


def test_password_is_taken_as_it_stands(tmp_path: Path):
    passwords = {"SDI_PEC_PASSWORD": "$ecret", "MS_GRAPH_CLIENT_SECRET": r"\$x$", "OPENAI_API_KEY": "${HOME} '#"}
    file = tmp_path / "password"
    file.write_text("$ecret")

    values = settings_of({**LIVE, **passwords, "ANTHROPIC_API_KEY_FILE": str(file)}, "ANTHROPIC_API_KEY", *passwords)

    assert values == ["$ecret", *passwords.values()]


def test_https_makes_cookies_secure_and_http_does_not():
    names = "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "ALLOWED_HOSTS"

    values = [settings_of({**LIVE, "SITE_URL": f"{scheme}://a.it/"}, *names) for scheme in ("https", "http")]

    assert values == [
        ["__Host-session", "__Host-csrf", True, 31_536_000, ["a.it"]],
        ["session", "csrf", False, 0, ["a.it"]],
    ]


def test_settings_can_be_read_in_one_go():
    assert len((ROOT / "config/settings.py").read_text().splitlines()) <= 350, (
        "put a library's own into config/libraries/"
    )
