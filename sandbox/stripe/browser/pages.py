"""Stripe.js and its static files, the bank's 3-D Secure page, receipts and hosted invoices."""

from collections.abc import Callable
from html import escape
from urllib.parse import parse_qs, parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.stripe import payments, setups
from sandbox.stripe.browser.html import HEADERS, STATIC, language_of, money, render, rows, status_name
from sandbox.stripe.browser.portal import PortalPages
from sandbox.stripe.context import Context
from sandbox.stripe.errors import StripeError
from sandbox.stripe.store import Object

KINDS = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
BANK = {
    "en": {
        "title": "Confirm your payment",
        "setup": "Confirm your card",
        "intro": "Your bank asks you to confirm this operation (3-D Secure test page).",
        "merchant": "Merchant",
        "amount": "Amount",
        "card": "Card",
        "yes": "Authorise",
        "no": "Fail",
        "over": "This request is no longer open.",
    },
    "it": {
        "title": "Conferma il pagamento",
        "setup": "Conferma la carta",
        "intro": "La tua banca ti chiede di confermare questa operazione (pagina di prova 3-D Secure).",
        "merchant": "Esercente",
        "amount": "Importo",
        "card": "Carta",
        "yes": "Autorizza",
        "no": "Rifiuta",
        "over": "Questa richiesta non è più aperta.",
    },
}
PAPER = {
    "en": {
        "receipt": "Receipt",
        "invoice": "Invoice",
        "total": "Total",
        "due": "Amount due",
        "number": "Number",
        "card": "Card",
        "status": "Status",
    },
    "it": {
        "receipt": "Ricevuta",
        "invoice": "Fattura",
        "total": "Totale",
        "due": "Importo dovuto",
        "number": "Numero",
        "card": "Carta",
        "status": "Stato",
    },
}


def routes(context: Callable[[], Context], wake: Callable[[], None]) -> list[BaseRoute]:
    pages = Pages(context, wake)
    return [
        Route("/v3/element", lambda _request: static_file("element.html")),
        Route("/v3/{name}", lambda request: static_file(request.path_params["name"])),
        Route("/3d_secure/{intent}/{challenge}", pages.bank, methods=["GET", "POST"]),
        Route("/receipts/{charge}", pages.receipt),
        Route("/i/{invoice}", pages.invoice),
        *PortalPages(context, wake).routes(),
    ]


def static_file(name: str) -> Response:
    path = STATIC / name
    if path.parent != STATIC or path.suffix not in KINDS or not path.is_file():
        return Response("Not found", 404)
    return FileResponse(path, headers={**HEADERS, "Cache-Control": "no-cache"}, media_type=KINDS[path.suffix])


class Pages:
    """Pages about one object, found by an address that cannot be guessed."""

    def __init__(self, context: Callable[[], Context], wake: Callable[[], None]) -> None:
        self.context = context
        self.wake = wake

    async def bank(self, request: Request) -> Response:
        """GET asks; POST with `choice` answers and leads back to the merchant."""
        form = parse_qs((await request.body()).decode()) if request.method == "POST" else {}
        ctx = self.context()
        language = language_of(request)
        intent = ctx.store.find(request.path_params["intent"])
        if intent is None or intent.get("_challenge") != request.path_params["challenge"]:
            body = f'<main class="bank"><div class="panel"><p>{escape(BANK[language]["over"])}</p></div></main>'
            return render(BANK[language]["title"], body, language, status=404)
        origin = request.query_params.get("origin", "")
        if request.method == "GET":
            return _ask(ctx, intent, language, origin)
        succeed = form.get("choice") == ["authorise"]
        module = payments if intent["object"] == "payment_intent" else setups
        intent = module.authenticate(ctx, intent, succeed=succeed)
        answer = _back(intent, succeed=succeed, origin=origin, language=language)
        ctx.store.commit()
        self.wake()
        return answer

    async def receipt(self, request: Request) -> Response:
        ctx, language = self.context(), language_of(request)
        try:
            charge = ctx.get("charge", request.path_params["charge"])
        except StripeError as error:
            return render("404", escape(error.message), language, status=404)
        texts = PAPER[language]
        card = charge["payment_method_details"]["card"]
        entries = [
            (texts["total"], money(charge["amount"], charge["currency"], language)),
            (texts["card"], f"{card['brand']} •••• {card['last4']}"),
            (texts["number"], charge["id"]),
        ]
        body = f'<main><div class="panel"><h1>{texts["receipt"]}</h1><dl>{rows(entries)}</dl></div></main>'
        return render(texts["receipt"], body, language)

    async def invoice(self, request: Request) -> Response:
        ctx, language = self.context(), language_of(request)
        try:
            invoice = ctx.get("invoice", request.path_params["invoice"])
        except StripeError as error:
            return render("404", escape(error.message), language, status=404)
        texts = PAPER[language]
        lines = [
            (line["description"] or "", money(line["amount"], invoice["currency"], language))
            for line in invoice["lines"]["data"]
        ]
        totals = [
            (texts["total"], money(invoice["total"], invoice["currency"], language)),
            (texts["due"], money(invoice["amount_remaining"], invoice["currency"], language)),
            (texts["status"], status_name(invoice["status"], language)),
        ]
        title = f"{texts['invoice']} {invoice['number'] or ''}"
        lists = f"<dl>{rows(lines)}</dl><dl>{rows(totals)}</dl>"
        body = f'<main><div class="panel"><h1>{escape(title)}</h1>{lists}</div></main>'
        return render(title, body, language)


def _ask(ctx: Context, intent: Object, language: str, origin: str) -> Response:
    texts = BANK[language]
    method = ctx.get("payment_method", intent["payment_method"])
    is_payment = intent["object"] == "payment_intent"
    entries = [(texts["merchant"], "AI Strategy Hub")]
    if is_payment:
        entries.append((texts["amount"], money(intent["amount"], intent["currency"], language)))
    entries.append((texts["card"], f"{method['card']['brand'].title()} •••• {method['card']['last4']}"))
    title = texts["title"] if is_payment else texts["setup"]
    query = escape(urlencode({"origin": origin, "locale": language}))
    body = (
        f'<main class="bank"><div class="panel"><h1>{texts["title"] if is_payment else texts["setup"]}</h1>'
        f"<p>{texts['intro']}</p><dl>{rows(entries)}</dl>"
        f'<form method="post" action="?{query}" class="buttons">'
        f'<button name="choice" value="authorise">{texts["yes"]}</button>'
        f'<button name="choice" value="fail" class="secondary">{texts["no"]}</button></form></div></main>'
        '<script src="/v3/bank.js" type="module"></script>'
    )
    return render(title, body, language, attributes=' class="modal"' if origin else "")


def _back(intent: Object, *, succeed: bool, origin: str, language: str) -> Response:
    """In Stripe.js's frame: a page that says so to its opener. Otherwise: a redirect to the merchant's address."""
    if origin or not intent.get("_return_url"):
        attributes = f' class="modal" data-origin="{escape(origin)}"'
        script = '<script src="/v3/bank-done.js" type="module"></script>'
        return render("OK", script if origin else "<main><p>OK</p></main>", language, attributes=attributes)
    kind = intent["object"]
    address, _, fragment = str(intent["_return_url"]).partition("#")
    address, _, query_string = address.partition("?")
    query = [
        *parse_qsl(query_string, keep_blank_values=True),
        (kind, intent["id"]),
        (f"{kind}_client_secret", intent["client_secret"]),
        ("redirect_status", "succeeded" if succeed and intent["status"] != "requires_payment_method" else "failed"),
    ]
    return RedirectResponse(f"{address}?{urlencode(query)}{'#' + fragment if fragment else ''}", 303)
