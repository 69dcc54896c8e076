"""A mail as the mailbox keeps it, made from Graph's JSON or from MIME, and given back as either."""

import base64
import binascii
import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import getaddresses
from html.parser import HTMLParser
from typing import Any

from sandbox.graph.errors import GraphError

ADDRESS = re.compile(r"[^@\s<>,;\"]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+\Z")
URL = re.compile(r"https?://[^\s<>\"'\]]+")
MAX_RECIPIENTS = 500
MAX_HEADERS = 5
LIST_UNSUBSCRIBE = "string 0x1045"
Json = dict[str, Any]


def now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_id() -> str:
    return f"AAMk{secrets.token_urlsafe(60)}="


@dataclass
class Attachment:
    name: str
    content_type: str
    content: bytes
    content_id: str = ""
    inline: bool = False
    id: str = field(default_factory=new_id)

    @classmethod
    def from_graph(cls, data: Json) -> "Attachment":
        if data.get("@odata.type", "#microsoft.graph.fileAttachment").lstrip("#") != "microsoft.graph.fileAttachment":
            raise GraphError(400, "ErrorInvalidRequest", "The sandbox takes attachments of type fileAttachment only.")
        if not data.get("name"):
            raise GraphError(400, "ErrorInvalidProperty", "Required property 'name' is missing.")
        content_type = data.get("contentType") or "application/octet-stream"
        content = decode_base64(data.get("contentBytes", ""), "contentBytes")
        return cls(data["name"], content_type, content, data.get("contentId") or "", bool(data.get("isInline")))

    def as_graph(self) -> Json:
        return {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "id": self.id,
            "name": self.name,
            "contentType": self.content_type,
            "size": len(self.content),
            "isInline": self.inline,
            "contentId": self.content_id or None,
            "contentBytes": base64.b64encode(self.content).decode(),
        }


@dataclass
class Mail:
    """`folder` is drafts, sentitems or inbox; `headers` are (name, value) pairs beyond the usual ones."""

    sender: str
    subject: str = ""
    to: list[str] = field(default_factory=list)
    cc: list[str] = field(default_factory=list)
    bcc: list[str] = field(default_factory=list)
    reply_to: list[str] = field(default_factory=list)
    sender_name: str = ""
    text: str = ""
    html: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    internet_message_id: str = ""
    folder: str = "drafts"
    saved: bool = True
    is_read: bool = True
    mime: bytes = b""
    at: str = field(default_factory=now_utc)
    id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        self.internet_message_id = self.internet_message_id or f"<{uuid.uuid4().hex.upper()}@sandbox.outlook.example>"

    @property
    def recipients(self) -> list[str]:
        return [*self.to, *self.cc, *self.bcc]

    def check_recipients(self) -> None:
        bad = [address for address in self.recipients if not ADDRESS.match(address)]
        if bad or not self.recipients:
            raise GraphError(400, "ErrorInvalidRecipients", f"At least one recipient is not valid., {', '.join(bad)}")
        if len(self.recipients) > MAX_RECIPIENTS:
            raise GraphError(400, "ErrorTooManyRecipients", f"A message goes to {MAX_RECIPIENTS} recipients at most.")

    @property
    def links(self) -> list[str]:
        """Addresses a reader could follow, in order of appearance."""
        urls = html_links(self.html) + [url.rstrip(".,;:!?)") for url in URL.findall(self.text)]
        return list(dict.fromkeys(urls))

    def summary(self) -> Json:
        """The mail as the control route shows it; attachments without their content."""
        attachments = [
            {"name": each.name, "content_type": each.content_type, "size": len(each.content)}
            for each in self.attachments
        ]
        return {
            "id": self.id,
            "at": self.at,
            "folder": self.folder,
            "from": self.sender,
            "from_name": self.sender_name,
            "to": self.to,
            "cc": self.cc,
            "bcc": self.bcc,
            "reply_to": self.reply_to,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "attachments": attachments,
            "headers": [{"name": name, "value": value} for name, value in self.headers],
            "internet_message_id": self.internet_message_id,
            "links": self.links,
        }

    def as_graph(self) -> Json:
        html = bool(self.html)
        return {
            "@odata.type": "#microsoft.graph.message",
            "id": self.id,
            "createdDateTime": self.at,
            "receivedDateTime": self.at,
            "sentDateTime": self.at,
            "hasAttachments": bool(self.attachments),
            "internetMessageId": self.internet_message_id,
            "subject": self.subject,
            "bodyPreview": re.sub(r"\s+", " ", self.text)[:255],
            "importance": "normal",
            "parentFolderId": self.folder,
            "isRead": self.is_read,
            "isDraft": self.folder == "drafts",
            "body": {"contentType": "html" if html else "text", "content": self.html if html else self.text},
            "from": _recipient(self.sender, self.sender_name),
            "sender": _recipient(self.sender, self.sender_name),
            "toRecipients": [_recipient(address) for address in self.to],
            "ccRecipients": [_recipient(address) for address in self.cc],
            "bccRecipients": [_recipient(address) for address in self.bcc],
            "replyTo": [_recipient(address) for address in self.reply_to],
            "internetMessageHeaders": [{"name": name, "value": value} for name, value in self.headers],
        }

    def as_mime(self) -> bytes:
        """The whole mail in MIME (Graph's `$value`)."""
        if self.mime:
            return self.mime
        message = EmailMessage(policy=policy.SMTP)
        message["From"] = Address(self.sender_name, addr_spec=self.sender)
        for name, addresses in (("To", self.to), ("Cc", self.cc), ("Reply-To", self.reply_to)):
            if addresses:
                message[name] = ", ".join(addresses)
        message["Subject"] = self.subject
        message["Message-ID"] = self.internet_message_id
        message["Date"] = datetime.fromisoformat(self.at.replace("Z", "+00:00"))
        for header, value in self.headers:
            message[header] = value
        message.set_content(self.text)
        if self.html:
            message.add_alternative(self.html, subtype="html")
        for each in self.attachments:
            main, _, sub = each.content_type.partition("/")
            message.add_attachment(each.content, maintype=main, subtype=sub or "octet-stream", filename=each.name)
        return message.as_bytes()


def _recipient(address: str, name: str = "") -> Json:
    return {"emailAddress": {"name": name or address, "address": address}}


def addresses_in(data: Json, name: str) -> list[str]:
    """The addresses of a recipient list such as `toRecipients`."""
    return [str((entry.get("emailAddress") or {}).get("address") or "") for entry in data.get(name) or []]


def from_graph(data: Any, *, sender: str, sender_name: str) -> Mail:
    """A mail from a Graph `message` object; refuses what Graph refuses in it."""
    if not isinstance(data, dict):
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload. Please ensure it is a message.")
    author = (data.get("from") or data.get("sender") or {}).get("emailAddress") or {}
    if author.get("address") and author["address"].lower() != sender.lower():
        text = "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account."  # noqa: E501
        raise GraphError(403, "ErrorSendAsDenied", f"{text}, Cannot submit message.")
    mail = Mail(sender=sender, sender_name=author.get("name") or sender_name)
    update_from_graph(mail, data)
    return mail


def update_from_graph(mail: Mail, data: Json) -> None:
    """Set on a draft what the message object carries."""
    fields = {"toRecipients": "to", "ccRecipients": "cc", "bccRecipients": "bcc", "replyTo": "reply_to"}
    for name, attribute in fields.items():
        if name in data:
            setattr(mail, attribute, addresses_in(data, name))
    mail.subject = " ".join(str(data.get("subject", mail.subject) or "").splitlines())
    mail.internet_message_id = data.get("internetMessageId") or mail.internet_message_id
    mail.is_read = bool(data.get("isRead", mail.is_read))
    if "body" in data:
        content = str((data["body"] or {}).get("content") or "")
        html = str((data["body"] or {}).get("contentType", "")).lower() == "html"
        mail.html, mail.text = (content, text_of(content)) if html else ("", content)
    mail.headers += _custom_headers(data) + _extended_properties(data)
    mail.attachments += [Attachment.from_graph(each) for each in data.get("attachments") or []]


def _custom_headers(data: Json) -> list[tuple[str, str]]:
    pairs = [
        (str(each.get("name", "")), str(each.get("value", ""))) for each in data.get("internetMessageHeaders") or []
    ]
    for name, value in pairs:
        if re.search(r"[\r\n]", name + value):
            raise GraphError(400, "InvalidInternetMessageHeader", "The value of an internet message header is invalid.")
        if not name.lower().startswith("x-"):
            text = f"The internet message header name '{name}' should start with 'x-' or 'X-'."
            raise GraphError(400, "InvalidInternetMessageHeader", text)
    if len(pairs) > MAX_HEADERS:
        text = f"Maximum number of headers in one message should be less than or equal to {MAX_HEADERS}."
        raise GraphError(400, "InvalidInternetMessageHeaderCollection", text)
    return pairs


def _extended_properties(data: Json) -> list[tuple[str, str]]:
    """Exchange turns property 0x1045 into the List-Unsubscribe header."""
    return [
        ("List-Unsubscribe", str(each.get("value", "")))
        for each in data.get("singleValueExtendedProperties") or []
        if str(each.get("id", "")).lower() == LIST_UNSUBSCRIBE
    ]


def decode_base64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(re.sub(r"\s", "", text), validate=True)
    except binascii.Error:
        raise GraphError(400, "ErrorMimeContentInvalidBase64String", f"Invalid base64 string in {what}.") from None


USUAL_HEADERS = {
    "from", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version", "content-type",
    "content-transfer-encoding",
}  # fmt: skip


def from_mime(raw: bytes, *, sender: str, sender_name: str) -> Mail:
    """A mail from MIME; its author must be the mailbox, as with JSON."""
    message = message_from_bytes(raw, policy=policy.default)
    authors = getaddresses([str(message.get("From", ""))])
    if authors and authors[0][1] and authors[0][1].lower() != sender.lower():
        raise GraphError(403, "ErrorSendAsDenied", "The sender of the MIME content is not this mailbox.")
    mail = Mail(sender=sender, sender_name=(authors[0][0] if authors else "") or sender_name, mime=raw)
    for name, attribute in (("To", "to"), ("Cc", "cc"), ("Bcc", "bcc"), ("Reply-To", "reply_to")):
        addresses = [address for _, address in getaddresses([str(value) for value in message.get_all(name, [])])]
        setattr(mail, attribute, addresses)
    mail.subject = str(message.get("Subject", ""))
    mail.internet_message_id = str(message.get("Message-ID", "")) or mail.internet_message_id
    mail.headers = [(name, str(value)) for name, value in message.items() if name.lower() not in USUAL_HEADERS]
    _read_parts(mail, message)
    return mail


def _read_parts(mail: Mail, message: EmailMessage) -> None:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    mail.html = html.get_content() if html else ""
    mail.text = plain.get_content() if plain else text_of(mail.html)
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        data = content if isinstance(content, bytes) else part.as_bytes()
        content_id = str(part.get("Content-ID", ""))
        inline = part.get_content_disposition() == "inline"
        mail.attachments.append(
            Attachment(part.get_filename() or "part", part.get_content_type(), data, content_id, inline)
        )


class _Reader(HTMLParser):
    """Visible text and link targets of an HTML body."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.hidden_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden_depth += tag in {"style", "script", "title"}
        target = dict(attrs).get("href") or ""
        if tag == "a" and target.startswith(("http://", "https://")):
            self.links.append(target)
        if tag in {"p", "div", "br", "tr", "li", "h1", "h2", "h3", "table"}:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.hidden_depth -= tag in {"style", "script", "title"}

    def handle_data(self, data: str) -> None:
        if not self.hidden_depth:
            self.words.append(data)


def _read_html(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


def text_of(html: str) -> str:
    lines = "".join(_read_html(html).words).splitlines()
    return "\n".join(line for line in (re.sub(r"[^\S\n]+", " ", line).strip() for line in lines) if line)


def html_links(html: str) -> list[str]:
    return _read_html(html).links if html else []


def bounce_of(mail: Mail, address: str, status: str) -> Mail:
    """The non-delivery report that Exchange puts into the sender's mailbox (RFC 3464)."""
    domain = mail.sender.partition("@")[2]
    daemon = f"MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@{domain}"
    text = f"Delivery has failed to these recipients or groups:\n\n{address}\nYour message could not be delivered.\n"
    headers = [("In-Reply-To", mail.internet_message_id), ("Auto-Submitted", "auto-replied")]
    report = Mail(
        sender=daemon,
        sender_name="Microsoft Outlook",
        to=[mail.sender],
        subject=f"Undeliverable: {mail.subject}",
        text=text,
        headers=headers,
        folder="inbox",
        is_read=False,
    )
    report.mime = _report_mime(report, mail, address, status)
    return report


def _report_mime(report: Mail, mail: Mail, address: str, status: str) -> bytes:
    """The report in its three parts: for people, for machines, and the headers of what came back."""
    temporary = status.startswith("4")
    boundary = uuid.uuid4().hex
    head = EmailMessage(policy=policy.SMTP)
    head["From"] = Address(report.sender_name, addr_spec=report.sender)
    head["To"] = mail.sender
    head["Subject"] = report.subject
    head["Message-ID"] = report.internet_message_id
    for name, value in report.headers:
        head[name] = value
    head["MIME-Version"] = "1.0"
    kind = f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"'
    original = EmailMessage(policy=policy.SMTP)
    for name, value in [("From", mail.sender), ("To", address), ("Subject", mail.subject), *mail.headers]:
        original[name] = value
    original["Message-ID"] = mail.internet_message_id
    fields = [
        f"Reporting-MTA: dns;{mail.sender.partition('@')[2]}",
        "",
        f"Final-Recipient: rfc822;{address}",
        f"Action: {'delayed' if temporary else 'failed'}",
        f"Status: {status}",
        f"Diagnostic-Code: smtp;{'450' if temporary else '550'} {status} not delivered",
    ]
    parts = [
        ("text/plain; charset=utf-8", report.text.encode()),
        ("message/delivery-status", "\n".join(fields).encode()),
        ("text/rfc822-headers", original.as_bytes()),
    ]
    body = b"".join(
        f"--{boundary}\r\nContent-Type: {part}\r\n\r\n".encode() + re.sub(rb"\r?\n", b"\r\n", content) + b"\r\n"
        for part, content in parts
    )
    return head.as_bytes().rstrip() + f"\r\n{kind}\r\n\r\n".encode() + body + f"--{boundary}--\r\n".encode()
