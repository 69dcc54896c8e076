"""Microsoft Graph sendMail with an application's own rights (client credentials).

Graph counts per mailbox: 30 messages a minute, 4 at once; beyond that 429 with Retry-After.
https://learn.microsoft.com/graph/api/user-sendmail
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import msal
import requests
from django.conf import settings

from core.errors import PermanentError, TransientError

_SCOPE = ["https://graph.microsoft.com/.default"]
_TIMEOUT_S = (5, 30)


@dataclass(frozen=True)
class GraphMail:
    """What sendMail needs; `headers` may only have names that start with x-."""

    to: Sequence[tuple[str, str]]  # (name, address)
    subject: str
    content: str
    is_html: bool
    headers: dict[str, str] = field(default_factory=dict)
    attachments: Sequence[tuple[str, str, bytes]] = ()  # (name, content type, content), 3 MB in all


def send_mail(mail: GraphMail) -> None:
    """Hand `mail` to Graph. 202 means accepted, not delivered. Raises `TransientError` or `PermanentError`."""
    url = f"{settings.MS_GRAPH_ENDPOINT}/users/{quote(settings.MS_GRAPH_SENDER_EMAIL)}/sendMail"
    body = {"message": _message(mail), "saveToSentItems": True}
    response = _post(url, body, _token())
    if response.status_code == requests.codes.unauthorized:
        # a token revoked before its time: forget it, and ask for a new one, once
        _application.cache_clear()
        response = _post(url, body, _token())
    if response.status_code != requests.codes.accepted:
        raise _error(response)


def _message(mail: GraphMail) -> dict[str, Any]:
    return {
        "subject": mail.subject,
        "body": {"contentType": "HTML" if mail.is_html else "Text", "content": mail.content},
        "toRecipients": [{"emailAddress": {"name": name or address, "address": address}} for name, address in mail.to],
        "internetMessageHeaders": [{"name": name, "value": value} for name, value in mail.headers.items()],
        "attachments": [
            {
                "@odata.type": "#microsoft.graph.fileAttachment",
                "name": name,
                "contentType": content_type,
                "contentBytes": base64.b64encode(content).decode(),
            }
            for name, content_type, content in mail.attachments
        ],
    }


def _post(url: str, body: dict[str, Any], token: str) -> requests.Response:
    try:
        return _session().post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S)
    except requests.RequestException as error:
        raise TransientError(f"Microsoft Graph cannot be reached: {type(error).__name__}") from error


def _error(response: requests.Response) -> TransientError | PermanentError:
    try:
        error = response.json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        code, message = str(response.status_code), response.reason
    text = f"Microsoft Graph: {response.status_code} {code}: {message}"
    if response.status_code == requests.codes.too_many_requests or response.status_code >= 500:
        return TransientError(text, code=code, retry_after_s=_seconds(response.headers.get("Retry-After", "")))
    return PermanentError(text, code=code)


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isdigit() else None


def _token() -> str:
    try:
        answer = _application().acquire_token_for_client(_SCOPE)
    except (requests.RequestException, ValueError) as error:
        raise TransientError(f"Microsoft's login cannot be reached: {type(error).__name__}") from error
    if "access_token" not in answer:
        code = str(answer.get("error", "unknown"))
        raise PermanentError(
            f"Microsoft's login refused the application: {answer.get('error_description', code)}", code=code
        )
    return str(answer["access_token"])


@lru_cache(maxsize=1)
def _application() -> Any:
    """One per process: msal keeps the token in it for as long as it is good."""
    return msal.ConfidentialClientApplication(  # type: ignore[no-untyped-call]
        settings.MS_GRAPH_CLIENT_ID,
        client_credential=settings.MS_GRAPH_CLIENT_SECRET,
        authority=f"{settings.MS_GRAPH_AUTHORITY}/{settings.MS_GRAPH_TENANT_ID}",
        instance_discovery=settings.MS_GRAPH_AUTHORITY == "https://login.microsoftonline.com",
        http_client=_session(),
    )


@lru_cache(maxsize=1)
def _session() -> requests.Session:
    """Our own session: the environment's REQUESTS_CA_BUNDLE and proxies must not decide whom we trust with secrets."""
    session = requests.Session()
    session.trust_env = False
    session.verify = settings.MS_GRAPH_CA_FILE or True
    return session
