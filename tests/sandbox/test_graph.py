"""The Graph stand-in, driven by msal and plain HTTPS with a verified certificate."""

import base64
import email
import email.policy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msal
import pytest
import requests

from sandbox.certificates import Authority
from sandbox.frame import StandIn
from sandbox.graph import HTTP_FAULTS, GraphStandIn
from sandbox.graph.mailbox import Mailbox
from tests.sandbox.conftest import Running

SCOPE = ["https://graph.microsoft.com/.default"]


@pytest.fixture
def graph(run_stand_in: Callable[[StandIn], Running], tmp_path: Path) -> Running:
    return run_stand_in(GraphStandIn(tmp_path))


@pytest.fixture
def session(authority: Authority) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(authority.root)
        yield session


def application(graph: Running, session: requests.Session, **changes: str) -> msal.ConfidentialClientApplication:
    env = graph.env | changes
    return msal.ConfidentialClientApplication(
        env["MS_GRAPH_CLIENT_ID"],
        client_credential=env["MS_GRAPH_CLIENT_SECRET"],
        authority=f"{env['MS_GRAPH_AUTHORITY']}/{env['MS_GRAPH_TENANT_ID']}",
        instance_discovery=False,
        http_client=session,
    )


class Mailer:
    """A signed-in client of one mailbox."""

    def __init__(self, graph: Running, session: requests.Session) -> None:
        self.session = session
        self.base = f"{graph.env['MS_GRAPH_ENDPOINT']}/users/{graph.env['MS_GRAPH_SENDER_EMAIL']}"
        token = application(graph, session).acquire_token_for_client(SCOPE)["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def post(self, path: str, body: Any = None, **headers: str) -> requests.Response:
        return self.session.post(f"{self.base}{path}", json=body, headers=self.headers | headers, timeout=10)

    def get(self, path: str, **query: str) -> requests.Response:
        return self.session.get(f"{self.base}{path}", params=query, headers=self.headers, timeout=10)

    def send(self, message: dict[str, Any]) -> requests.Response:
        return self.post("/sendMail", {"message": message, "saveToSentItems": True})


@pytest.fixture
def mailer(graph: Running, session: requests.Session) -> Mailer:
    graph.post("/limits", per_minute=1000, concurrent=100, work_s=0)
    return Mailer(graph, session)


def message(**changes: Any) -> dict[str, Any]:
    return {
        "subject": "La vostra fattura",
        "body": {
            "contentType": "HTML",
            "content": "<p>Buongiorno <a href='https://example.eu/f?a=1&amp;b=2'>qui</a></p>",
        },
        "toRecipients": [{"emailAddress": {"address": "anna@example.it"}}],
    } | changes


def error_of(answer: requests.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "innerError"}
    return answer.status_code, error["code"]


def test_msal_gets_one_token_and_caches_it(graph, session):
    app = application(graph, session)

    tokens = {app.acquire_token_for_client(SCOPE)["access_token"] for _ in range(5)}

    assert len(tokens) == 1
    assert graph.get("/tokens") == {"issued": 1}


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"MS_GRAPH_CLIENT_SECRET": "wrong"}, "invalid_client", 7000215),
        ({"MS_GRAPH_CLIENT_ID": "11111111-1111-1111-1111-111111111111"}, "unauthorized_client", 700016),
    ],
)
def test_wrong_credentials_give_the_aadsts_error(graph, session, changes, error, code):
    answer = application(graph, session, **changes).acquire_token_for_client(SCOPE)

    assert (answer["error"], answer["error_codes"]) == (error, [code])
    assert answer["error_description"].startswith(f"AADSTS{code}: ")
    assert graph.get("/tokens") == {"issued": 0}


def test_scope_without_default_is_refused(graph, session):
    answer = application(graph, session).acquire_token_for_client(["https://graph.microsoft.com/Mail.Send"])

    assert (answer["error"], answer["error_codes"]) == ("invalid_scope", [1002012])


def test_unknown_tenant_has_no_discovery_document(graph, session):
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        application(graph, session, MS_GRAPH_TENANT_ID="other")


def test_sent_mail_can_be_read_back(graph, mailer):
    attachment = {
        "@odata.type": "#microsoft.graph.fileAttachment", "name": "fattura.pdf", "contentType": "application/pdf",
        "contentBytes": base64.b64encode(b"%PDF-1.7 test").decode(),
    }  # fmt: skip
    headers = [{"name": "X-Invoice", "value": "2026/00001"}]
    property_ = [{"id": "String 0x1045", "value": "<https://example.eu/u/1>"}]

    answer = mailer.send(
        message(attachments=[attachment], internetMessageHeaders=headers, singleValueExtendedProperties=property_)
    )

    assert (answer.status_code, answer.content) == (202, b"")
    mail = graph.get("/messages", to="ANNA@example.it")[0]
    assert mail["to"] == ["anna@example.it"]
    assert (mail["from"], mail["from_name"]) == (graph.env["MS_GRAPH_SENDER_EMAIL"], graph.env["MS_GRAPH_SENDER_NAME"])
    assert mail["subject"] == "La vostra fattura"
    assert mail["text"] == "Buongiorno qui"
    assert mail["links"] == ["https://example.eu/f?a=1&b=2"]
    assert mail["headers"] == [
        {"name": "X-Invoice", "value": "2026/00001"},
        {"name": "List-Unsubscribe", "value": "<https://example.eu/u/1>"},
    ]
    assert mail["attachments"] == [{"name": "fattura.pdf", "content_type": "application/pdf", "size": 13}]
    content = requests.get(f"{graph.control_url}/messages/{mail['id']}/attachments/fattura.pdf", timeout=5)
    assert (content.content, content.headers["content-type"]) == (b"%PDF-1.7 test", "application/pdf")


def test_list_narrows_by_subject_and_time_and_is_newest_first(graph, mailer):
    for number in (1, 2, 3):
        mailer.send(message(subject=f"Ordine {number}"))
    second = graph.get("/messages", subject="ordine 2")[0]

    assert [mail["subject"] for mail in graph.get("/messages")] == ["Ordine 3", "Ordine 2", "Ordine 1"]
    assert [mail["subject"] for mail in graph.get("/messages", since=second["at"])] == ["Ordine 3", "Ordine 2"]
    assert graph.get("/messages", to="nobody@example.it") == []


def test_mime_mail_keeps_text_html_and_list_unsubscribe(graph, mailer):
    mime = EmailMessage()
    mime["From"] = f"AI Strategy Hub <{graph.env['MS_GRAPH_SENDER_EMAIL']}>"
    mime["To"] = "anna@example.it, bruno@example.it"
    mime["Subject"] = "Novità di novembre"
    mime["Message-ID"] = "<n1@example.eu>"
    mime["List-Unsubscribe"] = "<https://example.eu/u/2>"
    mime.set_content("Testo: https://example.eu/leggi.")
    mime.add_alternative("<p>HTML</p>", subtype="html")
    mime.add_attachment(b"a,b", maintype="text", subtype="csv", filename="dati.csv")
    headers = mailer.headers | {"Content-Type": "text/plain"}

    answer = mailer.session.post(
        f"{mailer.base}/sendMail", data=base64.b64encode(mime.as_bytes()), headers=headers, timeout=10
    )

    assert answer.status_code == 202
    mail = graph.get("/messages")[0]
    assert mail["to"] == ["anna@example.it", "bruno@example.it"]
    assert (mail["subject"], mail["internet_message_id"]) == ("Novità di novembre", "<n1@example.eu>")
    assert (mail["text"].strip(), mail["html"].strip()) == ("Testo: https://example.eu/leggi.", "<p>HTML</p>")
    assert mail["links"] == ["https://example.eu/leggi"]
    assert mail["headers"] == [{"name": "List-Unsubscribe", "value": "<https://example.eu/u/2>"}]
    assert mail["attachments"][0]["name"] == "dati.csv"


def test_bad_base64_of_mime_is_refused(mailer):
    headers = mailer.headers | {"Content-Type": "text/plain"}
    answer = mailer.session.post(f"{mailer.base}/sendMail", data=b"not base64!", headers=headers, timeout=10)

    assert error_of(answer) == (400, "ErrorMimeContentInvalidBase64String")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"toRecipients": [{"emailAddress": {"address": "no-at-sign"}}]}, (400, "ErrorInvalidRecipients")),
        ({"toRecipients": []}, (400, "ErrorInvalidRecipients")),
        (
            {"internetMessageHeaders": [{"name": "List-Unsubscribe", "value": "<x>"}]},
            (400, "InvalidInternetMessageHeader"),
        ),
        (
            {"internetMessageHeaders": [{"name": f"x-{n}", "value": "1"} for n in range(6)]},
            (400, "InvalidInternetMessageHeaderCollection"),
        ),
        ({"from": {"emailAddress": {"address": "capo@aistrategyhub.example"}}}, (403, "ErrorSendAsDenied")),
        ({"body": {"contentType": "Text", "content": "x" * (4 * 1024 * 1024)}}, (413, "BadRequest")),
    ],
)
def test_unfit_message_is_refused_and_not_kept(graph, mailer, changes, expected):
    assert error_of(mailer.send(message(**changes))) == expected
    assert graph.get("/messages") == []


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("boss@aistrategyhub.example", (403, "ErrorAccessDenied")),
        ("anna@elsewhere.example", (404, "ErrorInvalidUser")),
    ],
)
def test_other_mailboxes_are_closed(graph, mailer, user, expected):
    url = f"{graph.env['MS_GRAPH_ENDPOINT']}/users/{user}/sendMail"

    answer = mailer.session.post(url, json={"message": message()}, headers=mailer.headers, timeout=10)

    assert error_of(answer) == expected


def test_token_is_checked_and_can_be_made_to_expire(graph, session, mailer):
    assert mailer.send(message()).status_code == 202

    graph.post("/expire-tokens")

    assert error_of(mailer.send(message())) == (401, "InvalidAuthenticationToken")
    mailer.headers = {}
    assert error_of(mailer.send(message())) == (401, "InvalidAuthenticationToken")
    assert Mailer(graph, session).send(message()).status_code == 202
    assert graph.get("/tokens") == {"issued": 2}


def test_message_over_the_rate_is_throttled_with_retry_after(graph, mailer):
    graph.post("/limits", per_minute=2)

    answers = [mailer.send(message()) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert error_of(answers[2]) == (429, "ApplicationThrottled")
    assert 55 <= int(answers[2].headers["Retry-After"]) <= 60
    assert len(graph.get("/messages")) == 2


def test_default_limits_are_exchanges(graph):
    limits = graph.get("/limits")

    assert (limits["per_minute"], limits["concurrent"]) == (30, 4)


def test_fifth_request_at_once_is_over_the_mailbox_concurrency(graph, mailer):
    graph.post("/limits", concurrent=4, work_s=0.4)

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: mailer.send(message()), range(5)))

    throttled = [answer for answer in answers if answer.status_code == 429]
    assert sorted(answer.status_code for answer in answers) == [202, 202, 202, 202, 429]
    assert throttled[0].json()["error"]["message"] == "Application is over its MailboxConcurrency limit."
    assert throttled[0].headers["Retry-After"] == "1"


def test_draft_is_found_by_its_message_id_and_sent_once(graph, mailer):
    draft = mailer.post("/messages", message(internetMessageId="<order-7@example.eu>"))
    drafts = mailer.get("/messages", **{"$filter": "internetMessageId eq '<order-7@example.eu>'"}).json()["value"]
    assert (draft.status_code, draft.json()["isDraft"]) == (201, True)
    assert [each["id"] for each in drafts] == [draft.json()["id"]]
    assert graph.get("/messages") == []

    response = mailer.post(f"/messages/{draft.json()['id']}/send")
    again = mailer.post(f"/messages/{draft.json()['id']}/send")

    assert response.status_code == 202
    assert error_of(again) == (404, "ErrorItemNotFound")
    mails = mailer.get("/messages", **{"$filter": "internetMessageId eq '<order-7@example.eu>'"}).json()["value"]
    assert [(each["isDraft"], each["parentFolderId"]) for each in mails] == [(False, "sentitems")]
    assert len(graph.get("/messages")) == 1


def test_immutable_id_survives_sending(mailer):
    draft = mailer.post("/messages", message()).json()

    mailer.post(f"/messages/{draft['id']}/send", None, Prefer='IdType="ImmutableId"')

    assert mailer.get(f"/messages/{draft['id']}").json()["isDraft"] is False


def test_deleted_draft_is_gone(mailer):
    draft = mailer.post("/messages", message()).json()

    answer = mailer.session.delete(f"{mailer.base}/messages/{draft['id']}", headers=mailer.headers, timeout=10)

    assert answer.status_code == 204
    assert error_of(mailer.get(f"/messages/{draft['id']}")) == (404, "ErrorItemNotFound")


def test_small_attachment_is_posted_to_the_draft(graph, mailer):
    draft = mailer.post("/messages", message()).json()
    body = {"name": "a.txt", "contentType": "text/plain", "contentBytes": base64.b64encode(b"ciao").decode()}

    answer = mailer.post(
        f"/messages/{draft['id']}/attachments", {"@odata.type": "#microsoft.graph.fileAttachment"} | body
    )
    mailer.post(f"/messages/{draft['id']}/send")

    assert (answer.status_code, answer.json()["size"]) == (201, 4)
    assert graph.get("/messages")[0]["attachments"] == [{"name": "a.txt", "content_type": "text/plain", "size": 4}]


UNIT = 320 * 1024


def _session_for(mailer: Mailer, size: int) -> tuple[str, str]:
    draft = mailer.post("/messages", message()).json()["id"]
    item = {"AttachmentItem": {"attachmentType": "file", "name": "grande.bin", "size": size}}
    answer = mailer.post(f"/messages/{draft}/attachments/createUploadSession", item)
    assert answer.status_code == 201
    assert answer.json()["nextExpectedRanges"] == ["0-"]
    return draft, answer.json()["uploadUrl"]


def _put(mailer: Mailer, url: str, content: bytes, start: int, total: int, **headers: str) -> requests.Response:
    range_ = f"bytes {start}-{start + len(content) - 1}/{total}"
    return mailer.session.put(url, data=content, headers={"Content-Range": range_} | headers, timeout=10)


def test_large_attachment_is_uploaded_in_ranges(graph, mailer):
    content = bytes(range(256)) * (14 * UNIT // 256) + b"end"
    draft, url = _session_for(mailer, len(content))

    first = _put(mailer, url, content[: 10 * UNIT], 0, len(content))
    second = _put(mailer, url, content[10 * UNIT :], 10 * UNIT, len(content))
    mailer.post(f"/messages/{draft}/send")

    assert (first.status_code, first.json()["nextExpectedRanges"]) == (200, [f"{10 * UNIT}-"])
    assert second.status_code == 201
    assert f"/messages/{draft}/attachments/" in second.headers["Location"]
    mail = graph.get("/messages")[0]
    response = requests.get(f"{graph.control_url}/messages/{mail['id']}/attachments/grande.bin", timeout=5)
    assert response.content == content


def test_upload_refuses_what_the_service_refuses(mailer):
    size = 5 * 1024 * 1024
    _, url = _session_for(mailer, size)

    with_token = _put(mailer, url, b"x" * UNIT, 0, size, **mailer.headers)
    odd = _put(mailer, url, b"x" * 1000, 0, size)
    gap = _put(mailer, url, b"x" * UNIT, UNIT, size)
    large = _put(mailer, url, b"x" * (13 * UNIT), 0, size)

    assert error_of(with_token) == (401, "InvalidAuthenticationToken")
    assert error_of(odd) == (400, "ErrorInvalidRange")
    assert error_of(gap) == (416, "ErrorInvalidRange")
    assert error_of(large) == (413, "RequestEntityTooLarge")
    assert mailer.session.get(url, timeout=5).json()["nextExpectedRanges"] == ["0-"]


def test_three_megabytes_need_an_upload_session(mailer):
    draft = mailer.post("/messages", message()).json()["id"]
    content = base64.b64encode(b"x" * (3 * 1024 * 1024 - 100_000)).decode()
    attachment = {"@odata.type": "#microsoft.graph.fileAttachment", "name": "x", "contentBytes": content}
    item = {"AttachmentItem": {"attachmentType": "file", "name": "x", "size": 100}}

    assert mailer.post(f"/messages/{draft}/attachments", attachment).status_code == 201
    attachment["contentBytes"] = base64.b64encode(b"x" * 3 * 1024 * 1024).decode()
    assert mailer.post(f"/messages/{draft}/attachments", attachment).status_code == 413
    assert error_of(mailer.post(f"/messages/{draft}/attachments/createUploadSession", item)) == (
        400,
        "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
    )


def test_bounce_puts_a_delivery_report_into_the_inbox(graph, mailer):
    graph.post("/bounce", to="gone@example.it", status="5.1.1")

    mailer.send(
        message(toRecipients=[{"emailAddress": {"address": "Gone@example.it"}}], internetMessageId="<m9@example.eu>")
    )

    report = mailer.get("/mailFolders/inbox/messages").json()["value"][0]
    raw = mailer.get(f"/messages/{report['id']}/$value").content
    bounce = email.message_from_bytes(raw, policy=email.policy.default)
    status = next(part for part in bounce.walk() if part.get_content_type() == "message/delivery-status")
    fields = status.get_payload()[1]
    assert report["subject"] == "Undeliverable: La vostra fattura"
    assert bounce.get_content_type() == "multipart/report"
    assert (fields["Action"], fields["Status"]) == ("failed", "5.1.1")
    assert str(fields["Final-Recipient"]) == "rfc822;Gone@example.it"
    original = next(part for part in bounce.walk() if part.get_content_type() == "text/rfc822-headers")
    assert "Message-ID: <m9@example.eu>" in original.get_content().splitlines()
    assert [mail["folder"] for mail in graph.get("/messages")] == ["inbox", "sentitems"]


def test_mail_not_saved_to_sent_items_is_still_caught(graph, mailer):
    mailer.post("/sendMail", {"message": message(), "saveToSentItems": False})

    assert mailer.get("/mailFolders/sentitems/messages").json()["value"] == []
    assert len(graph.get("/messages")) == 1


def test_unsupported_filter_is_refused(mailer):
    answer = mailer.get("/messages", **{"$filter": "contains(subject,'x')"})

    assert error_of(answer) == (400, "ErrorInvalidUrlQueryFilter")


def test_answer_lost_after_the_work_leaves_the_mail_sent(graph, mailer):
    graph.fault(match="POST /v1.0/", after=True, drop=True)

    with pytest.raises(requests.ConnectionError):
        mailer.send(message())

    assert len(graph.get("/messages")) == 1


@pytest.mark.parametrize("name", sorted(HTTP_FAULTS))
def test_ready_fault_hits_one_request(graph, mailer, name):
    graph.fault(**HTTP_FAULTS[name])

    answer = mailer.send(message())

    assert error_of(answer) == (HTTP_FAULTS[name]["status"], HTTP_FAULTS[name]["body"]["error"]["code"])
    assert answer.headers.get("Retry-After") == HTTP_FAULTS[name]["headers"].get("Retry-After")
    assert mailer.send(message()).status_code == 202


def test_mails_survive_a_restart_and_the_oldest_go_first(graph, mailer, tmp_path, monkeypatch):
    monkeypatch.setattr("sandbox.graph.mailbox.MAX_MAILS", 3)
    attachment = {"name": "à.txt", "contentType": "text/plain", "contentBytes": "Y2lhbw=="}
    for number in range(5):
        mailer.send(message(subject=f"Mail {number}", attachments=[attachment]))

    mails = Mailbox(tmp_path / "graph" / "messages").newest_first()

    assert [mail.subject for mail in mails] == ["Mail 4", "Mail 3", "Mail 2"]
    assert mails[0].attachments[0].content == b"ciao"
    assert mails[0].summary() == graph.get("/messages")[0]


def test_clearing_forgets_every_mail(graph, mailer):
    mailer.send(message())

    assert requests.delete(f"{graph.control_url}/messages", timeout=5).json() == []
    assert graph.get("/messages") == []


@pytest.mark.parametrize(("path", "body"), [("/limits", {"per_hour": 1}), ("/bounce", {"to": "x"})])
def test_control_refuses_what_it_does_not_know(graph, path, body):
    answer = requests.post(f"{graph.control_url}{path}", json=body, timeout=5)

    assert (answer.status_code, list(answer.json())) == (400, ["error"])
