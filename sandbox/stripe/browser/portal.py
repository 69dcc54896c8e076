"""The customer portal: change the card, cancel or keep a subscription, see and pay invoices."""

import time
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.stripe import methods, setups
from sandbox.stripe.billing import invoices, subscriptions
from sandbox.stripe.browser.html import language_of, money, render, status_name
from sandbox.stripe.context import Context
from sandbox.stripe.errors import StripeError
from sandbox.stripe.payments import Confirmation
from sandbox.stripe.store import Object

SESSION_LIFE_S = 3600
TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Billing portal",
        "back": "Back to AI Strategy Hub",
        "expired": "This link has expired. Open the portal again from your account.",
        "subscriptions": "Subscriptions",
        "none": "There is no subscription.",
        "renews": "Renews on",
        "ends": "Ends on",
        "cancel": "Cancel subscription",
        "keep": "Keep subscription",
        "card": "Payment method",
        "current": "Current card",
        "number": "Card number",
        "expiry": "Expiry (MM/YY)",
        "cvc": "Security code",
        "save": "Save card",
        "saved": "The card has been saved.",
        "invoices": "Invoices",
        "pay": "Pay",
    },
    "it": {
        "title": "Portale dei pagamenti",
        "back": "Torna ad AI Strategy Hub",
        "expired": "Questo collegamento è scaduto. Riapri il portale dalla tua area.",
        "subscriptions": "Abbonamenti",
        "none": "Non c'è alcun abbonamento.",
        "renews": "Si rinnova il",
        "ends": "Termina il",
        "cancel": "Annulla l'abbonamento",
        "keep": "Mantieni l'abbonamento",
        "card": "Metodo di pagamento",
        "current": "Carta attuale",
        "number": "Numero della carta",
        "expiry": "Scadenza (MM/AA)",
        "cvc": "Codice di sicurezza",
        "save": "Salva la carta",
        "saved": "La carta è stata salvata.",
        "invoices": "Fatture",
        "pay": "Paga",
    },
}


def make_default(ctx: Context, intent: Object) -> None:
    """The card of a portal's setup intent becomes the customer's and its subscriptions' card."""
    if not intent.get("_is_from_portal"):
        return
    customer = ctx.get("customer", intent["customer"])
    settings = {**customer["invoice_settings"], "default_payment_method": intent["payment_method"]}
    ctx.change(customer, "customer.updated", invoice_settings=settings)
    for subscription in subscriptions.running_of(ctx, customer):
        if subscription["default_payment_method"]:
            ctx.change(subscription, "customer.subscription.updated", default_payment_method=intent["payment_method"])


setups.SUCCEEDED.append(make_default)


class PortalPages:
    """All of it hangs on the session's token, which expires an hour after the session was made."""

    def __init__(self, context: Callable[[], Context], wake: Callable[[], None]) -> None:
        self.context = context
        self.wake = wake

    def routes(self) -> list[BaseRoute]:
        actions = {"card": self.save_card, "cancel": self.cancel, "keep": self.keep, "pay": self.pay}
        return [
            Route("/p/session/{token}", self.show),
            *(
                Route(f"/p/session/{{token}}/{name}", self.door(action), methods=["POST"])
                for name, action in actions.items()
            ),
        ]

    def session(self, ctx: Context, token: str) -> Object | None:
        sessions = ctx.store.every("billing_portal.session")
        session = next((entry for entry in sessions if entry["_token"] == token), None)
        return session if session and session["_made_at"] + SESSION_LIFE_S > time.time() else None

    async def show(self, request: Request) -> Response:
        return self.page(request, self.context(), "")

    def page(self, request: Request, ctx: Context, trouble: str) -> Response:
        session = self.session(ctx, request.path_params["token"])
        language = language_of(request, session["locale"] if session else None)
        texts = TEXTS[language]
        if session is None:
            return render(texts["title"], f"<main><p>{texts['expired']}</p></main>", language, status=410)
        customer = ctx.get("customer", session["customer"])
        base = f"/p/session/{session['_token']}"
        notice = f'<p class="notice notice--bad" role="alert">{escape(trouble)}</p>' if trouble else ""
        if "setup_intent" in request.query_params:
            is_saved = request.query_params.get("redirect_status") == "succeeded"
            notice = f'<p class="notice" role="status">{texts["saved"]}</p>' if is_saved else notice
        parts = [f"<main><h1>{texts['title']}</h1>{notice}"]
        flow = session["flow"]["type"] if session["flow"] else None
        if flow != "payment_method_update":
            parts.append(_subscriptions(ctx, customer, base, texts, language))
        if flow != "subscription_cancel":
            parts.append(_card(ctx, customer, base, texts))
        if flow is None:
            parts.append(_invoices(ctx, customer, base, texts, language))
        if session["return_url"]:
            parts.append(f'<p><a href="{escape(session["return_url"])}">{texts["back"]}</a></p>')
        return render(texts["title"], "".join([*parts, "</main>"]), language)

    def door(self, action: Callable[[Context, Object, dict[str, str]], str | None]) -> Any:
        async def handle(request: Request) -> Response:
            form = {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}
            ctx = self.context()
            session = self.session(ctx, request.path_params["token"])
            if session is None:
                return self.page(request, ctx, "")
            ctx = ctx.on_clock_of(ctx.find("customer", session["customer"]))
            try:
                address = action(ctx, session, form)
            except StripeError as error:
                if not error.keeps:
                    ctx.store.roll_back()
                ctx.store.commit()
                self.wake()
                return self.page(request, self.context(), error.message)
            ctx.store.commit()
            self.wake()
            return RedirectResponse(address or f"/p/session/{request.path_params['token']}", 303)

        return handle

    def save_card(self, ctx: Context, session: Object, form: dict[str, str]) -> str | None:
        month, _, year = form.get("expiry", "").partition("/")
        if not (month.strip().isdigit() and year.strip().isdigit()):
            raise StripeError("Your card's expiration date is incomplete.")
        card = {
            "number": form.get("number", ""),
            "exp_month": int(month),
            "exp_year": int(year),
            "cvc": form.get("cvc", ""),
        }
        method = methods.from_card(ctx, {"type": "card", "card": card})
        intent = setups.create_setup(ctx, {"customer": session["customer"], "payment_method": method["id"]})
        intent["_is_from_portal"] = True
        here = f"{ctx.url}/p/session/{session['_token']}"
        intent = setups.confirm_setup(ctx, intent, Confirmation(return_url=here))
        if intent["status"] == "requires_action":
            return str(intent["next_action"]["redirect_to_url"]["url"])
        return f"{here}?setup_intent={intent['id']}&redirect_status=succeeded"

    def _own(self, ctx: Context, session: Object, kind: str, form: dict[str, str]) -> Object:
        entry = ctx.get(kind, form.get("id", ""))
        if entry["customer"] != session["customer"]:
            raise StripeError(f"No such {kind}: '{entry['id']}'", status=404)
        return entry

    def cancel(self, ctx: Context, session: Object, form: dict[str, str]) -> None:
        subscription = self._own(ctx, session, "subscription", form)
        configuration = ctx.get("billing_portal.configuration", session["configuration"])
        if configuration["features"]["subscription_cancel"]["mode"] == "immediately":
            subscriptions.cancel(ctx, subscription, {"cancellation_details": {}})
        else:
            subscriptions.cancel_later(ctx, subscription)

    def keep(self, ctx: Context, session: Object, form: dict[str, str]) -> None:
        subscriptions.keep(ctx, self._own(ctx, session, "subscription", form))

    def pay(self, ctx: Context, session: Object, form: dict[str, str]) -> None:
        invoices.pay(ctx, self._own(ctx, session, "invoice", form), {})


def _date(moment: int) -> str:
    return time.strftime("%d/%m/%Y", time.gmtime(moment))


def _button(base: str, action: str, ident: str, label: str, style: str = "secondary") -> str:
    return (
        f'<form method="post" action="{base}/{action}"><input type="hidden" name="id" value="{escape(ident)}">'
        f'<button class="{style}">{label}</button></form>'
    )


def _subscriptions(ctx: Context, customer: Object, base: str, texts: dict[str, str], language: str) -> str:
    parts = [f'<section class="panel"><h2>{texts["subscriptions"]}</h2>']
    for entry in subscriptions.running_of(ctx, customer):
        item = entry["items"]["data"][0]
        product = ctx.find("product", item["price"]["product"])
        name = escape(product["name"] if product else item["price"]["id"])
        end = entry["cancel_at"]
        when = f"{texts['ends']} {_date(end)}" if end else f"{texts['renews']} {_date(item['current_period_end'])}"
        parts.append(f"<p><strong>{name}</strong> · {status_name(entry['status'], language)}<br>{when}</p>")
        action = ("keep", texts["keep"]) if end else ("cancel", texts["cancel"])
        parts.append(_button(base, action[0], entry["id"], action[1]))
    if len(parts) == 1:
        parts.append(f"<p>{texts['none']}</p>")
    return "".join([*parts, "</section>"])


def _card(ctx: Context, customer: Object, base: str, texts: dict[str, str]) -> str:
    method = ctx.find("payment_method", customer["invoice_settings"]["default_payment_method"])
    now = f"<p>{texts['current']}: {method['card']['brand']} •••• {method['card']['last4']}</p>" if method else ""
    return (
        f'<section class="panel"><h2>{texts["card"]}</h2>{now}<form method="post" action="{base}/card">'
        f'<label for="number">{texts["number"]}</label><input id="number" name="number" inputmode="numeric" '
        'autocomplete="cc-number" required><div class="pair">'
        f'<div><label for="expiry">{texts["expiry"]}</label><input id="expiry" name="expiry" autocomplete="cc-exp" '
        'placeholder="12/34" required></div>'
        f'<div><label for="cvc">{texts["cvc"]}</label><input id="cvc" name="cvc" inputmode="numeric" '
        f'autocomplete="cc-csc" required></div></div><div class="buttons"><button>{texts["save"]}</button></div>'
        "</form></section>"
    )


def _invoices(ctx: Context, customer: Object, base: str, texts: dict[str, str], language: str) -> str:
    entries = [entry for entry in ctx.store.every("invoice") if entry["customer"] == customer["id"]]
    lines = []
    for entry in entries:
        if entry["status"] == "draft":
            continue
        action = (
            _button(base, "pay", entry["id"], texts["pay"])
            if entry["status"] == "open"
            else status_name(entry["status"], language)
        )
        address = escape(entry["hosted_invoice_url"] or "")
        lines.append(
            f'<tr><td>{_date(entry["created"])}</td><td><a href="{address}">{escape(entry["number"] or "")}</a></td>'
            f'<td class="number">{money(entry["total"], entry["currency"], language)}</td><td>{action}</td></tr>'
        )
    return (
        f'<section class="panel"><h2>{texts["invoices"]}</h2><table><tbody>{"".join(lines)}</tbody></table></section>'
    )
