"""Microsoft Graph sendMail with an application's own rights (client credentials), the message as MIME.

Graph counts per mailbox: 30 messages a minute, 4 at once; beyond that 429 with Retry-After.
https://learn.microsoft.com/graph/outlook-send-mime-message
"""

import base64
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import msal
import requests
from django.conf import settings

from core.errors import ChannelError, PermanentError, TransientError

_SCOPE = ["https://graph.microsoft.com/.default"]
_TIMEOUT_S = (5, 30)
# token refused twice, right to send taken away, throttled; or the sender's mailbox is none
_CLOSED = (requests.codes.unauthorized, requests.codes.forbidden, requests.codes.too_many_requests)
_NO_SENDER = ("ErrorInvalidUser", "MailboxNotEnabledForRESTAPI", "ResourceNotFound")


def send_mail(mime: bytes) -> None:
    """Hand a whole message to Graph as it is: headers, text, HTML and files, about 2 MB of them.

    202 means accepted, not delivered. Raises `ChannelError` (nothing leaves by this mailbox just now),
    `TransientError` or `PermanentError`.
    """
    url = f"{settings.MS_GRAPH_ENDPOINT}/users/{quote(settings.MS_GRAPH_SENDER_EMAIL)}/sendMail"
    body = base64.b64encode(mime)
    response = _post(url, body, _token())
    if response.status_code == requests.codes.unauthorized:
        # a token revoked before its time: forget it, and ask for a new one, once
        _application.cache_clear()
        response = _post(url, body, _token())
    if response.status_code != requests.codes.accepted:
        raise _error(response)


def _post(url: str, body: bytes, token: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain"}
    try:
        return _session().post(url, data=body, headers=headers, timeout=_TIMEOUT_S)
    except requests.RequestException as error:
        raise TransientError(f"Microsoft Graph cannot be reached: {type(error).__name__}") from error


def _error(response: requests.Response) -> TransientError | PermanentError:
    try:
        error = response.json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        code, message = str(response.status_code), response.reason
    text = f"Microsoft Graph: {response.status_code} {code}: {message}"
    retry_after_s = _seconds(response.headers.get("Retry-After", ""))
    if response.status_code in _CLOSED or code in _NO_SENDER:
        return ChannelError(text, code=code, retry_after_s=retry_after_s)
    if response.status_code >= 500:
        return TransientError(text, code=code, retry_after_s=retry_after_s)
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
        raise ChannelError(
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
