"""Templates by Django's engine alone: autoescape on, no settings, no localisation."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.template import Context, Engine
from starlette.responses import HTMLResponse

ENGINE = Engine(dirs=[str(Path(__file__).parent / "templates")], autoescape=True)


def page(template: str, context: dict[str, Any], *, status: int = 200) -> HTMLResponse:
    html = ENGINE.get_template(template).render(Context(context, use_l10n=False, use_tz=False))
    return HTMLResponse(html, status)


def when(stamp: str | float | None) -> str:
    """A moment for people, in local time: `22 Nov 23:10:05`. Takes ISO text or seconds since 1970."""
    if stamp is None or stamp == "":
        return ""
    if isinstance(stamp, int | float):
        moment = datetime.fromtimestamp(stamp, UTC)
    else:
        try:
            moment = datetime.fromisoformat(stamp)
        except ValueError:
            return stamp
    return moment.astimezone().strftime("%d %b %H:%M:%S")


def money(cents: int, currency: str) -> str:
    return f"{cents / 100:,.2f} {currency.upper()}"
