"""Small pages: language, money, escaping and the frame around them."""

from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
ITALIAN_STATUSES = {
    "active": "attivo",
    "incomplete": "da completare",
    "open": "da pagare",
    "paid": "pagata",
    "past_due": "pagamento in ritardo",
    "paused": "sospeso",
    "trialing": "in prova",
    "uncollectible": "inesigibile",
    "unpaid": "non pagato",
    "void": "annullata",
}
SYMBOLS = {"eur": "€", "usd": "$", "gbp": "£"}


def language_of(request: Request, locale: str | None = None) -> str:
    language = locale or request.query_params.get("locale") or request.headers.get("accept-language", "en")
    return "it" if language.lower().startswith("it") else "en"


def status_name(status: str, language: str) -> str:
    """A subscription's or an invoice's status in words."""
    return ITALIAN_STATUSES.get(status, status) if language == "it" else status.replace("_", " ")


def money(amount: int, currency: str, language: str) -> str:
    """Cents as people write them: 1.220,00 € or €1,220.00."""
    symbol = SYMBOLS.get(currency, currency.upper())
    text = f"{abs(amount) / 100:,.2f}"
    sign = "-" if amount < 0 else ""
    if language == "it":
        return f"{sign}{text.translate(str.maketrans(',.', '.,'))} {symbol}"
    return f"{sign}{symbol}{text}"


def render(title: str, body: str, language: str, *, status: int = 200, attributes: str = "") -> HTMLResponse:
    """`body` and `attributes` are HTML already; `title` is text."""
    text = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/v3/page.css"></head>'
        f"<body{attributes}>{body}</body></html>"
    )
    return HTMLResponse(text, status, HEADERS)


def rows(entries: list[tuple[str, str]]) -> str:
    return "".join(f"<dt>{escape(term)}</dt><dd>{escape(value)}</dd>" for term, value in entries)
