"""Pages that belong to no app, health, and what to say when something is missing or broken."""

from datetime import UTC, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import select_template
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from accounts.models import CustomerDocument
from billing.catalogue.calendar import coming_obligations
from billing.models import Order, Service
from chatbot.models import Document
from config import openapi
from config.context import THEME_COOKIE
from core.models import Sweep
from core.web import problems
from core.web.cookies import cookie_attributes, cookie_name
from core.web.error_pages import error_page, error_response
from core.web.redirects import page_after
from invoicing.models import Invoice

LEGAL_PAGES = ("privacy", "terms", "cookies", "accessibility")
_AREA_ROWS = 5  # of orders and of invoices, the latest; the lists have all
_BEAT_LIMIT = timedelta(minutes=2)
_CONTACT_AGE = timedelta(days=180)


@login_not_required
@require_safe
def show_home(request: HttpRequest) -> HttpResponse:
    services = Service.objects.listed()
    return render(request, "home.html", {"services": services, "obligations": coming_obligations(timezone.localdate())})


@require_safe
def show_area(request: HttpRequest) -> HttpResponse:
    orders = Order.objects.visible_to(request.user).for_table()
    latest = list(orders[:_AREA_ROWS])
    waiting = Order.Status.AWAITING_PAYMENT
    if len(latest) < _AREA_ROWS:  # these are all, and another query says nothing new
        to_pay = [order for order in latest if order.status == waiting]
    else:
        to_pay = list(orders.filter(status=waiting))
    invoices = Invoice.objects.visible_to(request.user).for_table()[:_AREA_ROWS]
    new_documents = CustomerDocument.objects.visible_to(request.user).unread().order_by("-changed_at", "-pk")
    context = {
        "to_pay": to_pay, "new_documents": list(new_documents[:_AREA_ROWS]), "orders": latest, "invoices": invoices,
        "section": "overview",
    }  # fmt: skip
    return render(request, "area.html", context)


@login_not_required
@require_safe
def show_legal(request: HttpRequest, name: str) -> HttpResponse:
    if name not in LEGAL_PAGES:
        raise Http404
    titles = {
        "privacy": _("Privacy notice"),
        "terms": _("Terms of sale"),
        "cookies": _("Cookies"),
        "accessibility": _("Accessibility"),
    }
    text = select_template([f"legal/{name}.{get_language()}.html", f"legal/{name}.it.html"])
    return render(request, "legal.html", {"title": titles[name], "text": text.template.name})


@login_not_required
@require_safe
def show_security_contact(request: HttpRequest) -> HttpResponse:
    """Whom to tell of a fault of security (RFC 9116). Its end moves with every day: the facts are those of today."""
    expires = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) + _CONTACT_AGE
    lines = {
        "Contact": settings.SECURITY_CONTACT,
        "Expires": expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Preferred-Languages": ", ".join(code for code, _name in settings.LANGUAGES),
        "Canonical": settings.SITE_URL + reverse("config:show_security_contact"),
    }
    text = "".join(f"{name}: {value}\n" for name, value in lines.items())
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@login_not_required
@require_safe
def show_api(request: HttpRequest) -> HttpResponse:
    """The API's description as a page: the usual viewers come from another host, with scripts in the page."""
    return render(request, "api.html", {"sections": openapi.sections()})


@login_not_required
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or the device's own choice; without script the form comes back to where it was."""
    theme = request.POST.get("theme", "")
    if theme not in ("auto", "light", "dark"):
        raise BadRequest("unknown theme")
    response = redirect(page_after(request, "/"))
    if theme == "auto":
        response.delete_cookie(cookie_name(THEME_COOKIE))
    else:
        response.set_cookie(cookie_name(THEME_COOKIE), theme, max_age=365 * 86400, **cookie_attributes())
    return response


@login_not_required
@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Alive: the process answers."""
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Whether everything behind the pages works, part by part; 503 without the database, as nothing works then.

    `periodic_tasks` are those that are late or failing, `documents_waiting` those the assistant cannot answer from yet.
    """
    parts = {"database": _database_answers(), "redis": _redis_answers(), "worker": False}
    if not parts["database"]:
        return JsonResponse({"status": "down", **parts, "periodic_tasks": None, "documents_waiting": None}, status=503)
    now = timezone.now()
    parts["worker"] = Sweep.objects.filter(name="core.heartbeat", succeeded_at__gt=now - _BEAT_LIMIT).exists()
    troubled = {sweep.name: sweep.state for sweep in Sweep.objects.troubled(now)}
    word = "ready" if all(parts.values()) and not troubled else "degraded"
    waiting = Document.objects.waiting().count()
    return JsonResponse({"status": word, **parts, "periodic_tasks": troubled, "documents_waiting": waiting})


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_answers() -> bool:
    try:
        return bool(get_redis_connection("default").ping())
    except RedisError:
        return False


@login_not_required
@csrf_exempt
def api_not_found(request: HttpRequest) -> JsonResponse:
    return problems.not_found(request)


@login_not_required
def bad_request(request: HttpRequest, exception: Any) -> HttpResponse:
    problem = problems.problem_response(400, "invalid", _("This request cannot be understood."))
    title = _("Something in this request is not right")
    return error_response(request, problem, title, _("Go back and try again."))


@login_not_required
def permission_denied(request: HttpRequest, exception: Any) -> HttpResponse:
    problem = problems.problem_response(403, "permission_denied", _("You may not do this."))
    text = _("Sign in with another account, or go back.")
    user = getattr(request, "user", None)  # none where a middleware refuses before it is known
    if user and user.is_staff:
        text = _("Your role does not include this page. An administrator can give you another.")
    return error_response(request, problem, _("This is not open to you"), text)


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    text = _("The page you sent was open for too long. Go back, reload it and send it again: nothing has been saved.")
    return error_page(request, 403, _("Please send that again"), text)


@login_not_required
def page_not_found(request: HttpRequest, exception: Any) -> HttpResponse:
    text = _("The page may have moved, or the address has a typing error.")
    return error_response(request, problems.not_found(request), _("There is nothing here"), text)


@login_not_required
def server_error(request: HttpRequest) -> HttpResponse:
    text = _("We have a record of it. Before you repeat an order, look into your area: it may have gone through.")
    return error_response(request, problems.server_error(request), _("Something broke on our side"), text)
