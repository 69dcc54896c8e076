"""REST framework, and what is said of the API as a whole in its description."""

from typing import Any

from core.web.converters import NumberConverter

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.login.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.login.authentication.ApiThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.web.rest.BoundedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "config.pagination.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "core.web.problems.handle",
    "PAGE_SIZE": 20,
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}


def describe_api(languages: list[tuple[str, str]]) -> dict[str, Any]:
    """Settings of drf-spectacular; what single views say of themselves stands beside them."""
    return {
        "TITLE": "AI Strategy Hub",
        "DESCRIPTION": "Everything a customer can do. Errors are problem+json (RFC 9457) with a stable `code`. "
        "Whoever comes with the session cookie sends `X-CSRFToken` with each change: `GET /api/v1/auth/csrf` gives it.",
        "VERSION": "1",  # the API's, as in its paths; the product's is in pyproject.toml
        "SCHEMA_PATH_PREFIX": r"/api/v1",
        "SERVE_INCLUDE_SCHEMA": False,
        "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
        "PATH_CONVERTER_OVERRIDES": {"number": {"type": "string", "pattern": f"^{NumberConverter.regex}$"}},
        "ENUM_NAME_OVERRIDES": {
            "ChatOutcome": "chatbot.models.Message.Outcome",
            "ChatRole": "chatbot.models.Message.Role",
            "CustomerKind": "accounts.fiscal.model.FiscalIdentity.Kind",
            "FeedbackReason": "chatbot.models.MessageFeedback.Reason",
            "HandoffReason": "chatbot.tickets.serializers.HANDOVER_REASONS",
            "InvoiceState": "invoicing.models.Invoice.State",
            "Language": languages,
            "OrderStatus": "billing.models.Order.Status",
            "Pricing": "billing.models.Service.Pricing",
            "ServiceKind": "billing.models.Service.Kind",
            "Subject": "billing.models.catalogue.Subject",
            "TicketStatus": "chatbot.models.Ticket.Status",
        },
        "POSTPROCESSING_HOOKS": [
            "drf_spectacular.hooks.postprocess_schema_enums",
            "config.openapi.complete",
        ],
    }
