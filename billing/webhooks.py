"""Stripe's door: signature, inbox row, 200. Whatever the event means is worked out afterwards."""

import time
from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing import payments
from billing.clients import stripe
from core.problems import problem_response

MAX_BODY_BYTES = 256 * 1024


@csrf_exempt
@login_not_required
@require_POST
def receive_stripe_event(request: HttpRequest) -> HttpResponse:
    """200 once the event is kept, new or not; 400 for anything Stripe did not sign just now."""
    if int(request.headers.get("Content-Length") or 0) > MAX_BODY_BYTES:
        return problem_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "An event is never this large.")
    try:
        event = stripe.verified_event(request.body, request.headers.get("Stripe-Signature", ""), time.time())
    except (stripe.BadSignatureError, ValueError):
        return problem_response(HTTPStatus.BAD_REQUEST, "bad_signature", "This event is not signed by Stripe.")
    payments.keep_event(event=event, now=timezone.now())
    return HttpResponse(status=HTTPStatus.OK)
