"""The mailbox reader before a real IMAP server: Dovecot over TLS, with a Maildir.

It runs as the user who runs the tests; mails of root it would not touch, so for root they are nobody's.
"""

import grp
import mailbox
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from invoicing.models import Invoice, Mailbox, ReceivedMail
from invoicing.sdi import in_tray, receipts
from sandbox.certificates import Authority
from sandbox.frame import free_port
from sandbox.stack import running
from tests.invoicing.flow import Post, issue, on_its_way, story
from tests.invoicing.suppliers import certified, delivery, supplier_xml

pytestmark = [pytest.mark.django_db, pytest.mark.dovecot]
PASSWORD = "segreta"
NOBODY = 65534
IS_ROOT = os.geteuid() == 0
OWNER = (NOBODY, NOBODY) if IS_ROOT else (os.getuid(), os.getgid())

COMMON = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
listen = 127.0.0.1
protocols = imap
first_valid_uid = 0
ssl = required
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
"""
# whoever is not root cannot take other users' names or lock a process in a folder; root must, and Debian's are there
UNPRIVILEGED = """
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
service imap-login {{
  chroot =
}}
service anvil {{
  chroot =
}}
"""
SYNTAX = {
    "2.3": """
mail_location = maildir:{folder}/Maildir
ssl_cert = <{certificate}
ssl_key = <{key}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
""",
    "2.4": """
mail_driver = maildir
mail_path = {folder}/Maildir
ssl_server_cert_file = {certificate}
ssl_server_key_file = {key}
passdb static {{
  password = {password}
}}
userdb static {{
  fields {{
    uid = {uid}
    gid = {gid}
    home = {folder}
  }}
}}
""",
}


@dataclass(frozen=True)
class Server:
    """A mailbox, and where its mails lie."""

    folder: Path

    @property
    def mails(self) -> mailbox.Maildir:
        return mailbox.Maildir(self.folder / "Maildir")

    def deliver(self, *raws: bytes) -> None:
        mails = self.mails
        for raw in raws:
            mails.add(raw)
        self.hand_over()

    def mark_all_seen(self) -> None:
        for key, mail in self.mails.items():
            mail.set_subdir("cur")
            mail.set_flags("S")
            self.mails[key] = mail
        self.hand_over()

    def hand_over(self) -> None:
        """Mails belong to the user who reads them."""
        for path in (self.folder / "Maildir", *(self.folder / "Maildir").rglob("*")):
            os.chown(path, *OWNER)

    def forget_uids(self) -> None:
        (self.folder / "Maildir" / "dovecot-uidlist").unlink()
        for index in (self.folder / "Maildir").glob("dovecot.index*"):
            index.unlink()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A place that the owner of the mails can enter: pytest's own is closed to everybody else."""
    if not IS_ROOT:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="aish-dovecot-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def server(folder: Path, settings: Any) -> Iterator[Server]:
    program = os.environ.get("DOVECOT") or shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        pytest.skip("no dovecot on this machine: ./run-tests.sh installs it")
    authority, port = Authority(folder / "tls"), free_port()
    (folder / "dovecot.conf").write_text(configuration(program, folder, authority, port))
    server = Server(folder)
    server.deliver()
    settings.SDI_PEC_EMAIL, settings.SDI_PEC_PASSWORD = "fatture@pec.gestore.test", PASSWORD
    settings.SDI_PEC_IMAP_HOST, settings.SDI_PEC_IMAP_PORT = "127.0.0.1", port
    settings.SDI_PEC_CA_FILE = str(authority.root)
    log = folder / "output.log"
    with running([program, "-F", "-c", str(folder / "dovecot.conf")], log=log) as process:
        wait_for(port, process, (log, folder / "dovecot.log"))
        yield server


def configuration(program: str, folder: Path, authority: Authority, port: int) -> str:
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[0][:3]
    head = "" if version == "2.3" else f"dovecot_config_version = {version}.0\ndovecot_storage_version = {version}.0\n"
    values = {
        "folder": folder, "port": port, "password": PASSWORD, "certificate": authority.certificate[0],
        "key": authority.certificate[1], "uid": OWNER[0], "gid": OWNER[1],
        "user": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name,
    }  # fmt: skip
    body = COMMON + ("" if IS_ROOT else UNPRIVILEGED) + SYNTAX.get(version, SYNTAX["2.4"])
    return head + body.format(**values)


def wait_for(port: int, process: subprocess.Popen[bytes], logs: tuple[Path, ...]) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            output = "\n".join(log.read_text() for log in logs if log.exists())
            assert process.poll() is None and time.monotonic() < deadline, output  # noqa: PT018
            time.sleep(0.05)
        else:
            return


def read() -> int:
    return receipts.read_mailbox()


@pytest.fixture
def invoice(server: Server, post: Post, settings: Any) -> Invoice:
    """Sent; three mails about it lie in the mailbox, and their signatures are checked."""
    settings.SDI_PEC_SIGNER_CA_FILE = str(post.authorities)
    message = on_its_way(invoice := issue())
    server.deliver(
        post.receipt(message, "accettazione"), post.receipt(message, "avvenuta-consegna"), post.sdi(message.file, "RC")
    )
    return invoice


def test_mails_are_fetched_believed_applied_and_marked(invoice: Invoice, server: Server):
    assert (read(), read()) == (3, 0)

    invoice.refresh_from_db()
    assert Mailbox.objects.get().last_error == ""
    assert set(ReceivedMail.objects.values_list("outcome", "reason")) == {("applied", "")}
    assert (invoice.state, len(story(invoice))) == ("delivered", 6)
    assert [mail.get_flags() for mail in server.mails] == ["S", "S", "S"]


def test_mail_of_somebody_else_stays_unread_until_it_is_dealt_with(
    invoice: Invoice, server: Server, post: Post, staff: Any
):
    server.deliver(certified(post), delivery(post, supplier_xml()))
    counts = [read() for _round in range(3)]
    flags = sorted(mail.get_flags() for mail in server.mails)

    for mail in ReceivedMail.objects.to_deal_with():
        in_tray.settle(mail=mail, actor=staff, now=timezone.now())
    read()

    outcomes = ReceivedMail.objects.order_by("pk").values_list("outcome", flat=True)
    assert (counts, flags) == ([5, 0, 0], ["", "", "S", "S", "S"])
    assert sorted(outcomes) == ["applied", "applied", "applied", "foreign", "supplier"]
    assert [mail.get_flags() for mail in server.mails] == ["S"] * 5


def test_mail_that_somebody_has_read_is_fetched_all_the_same(invoice: Invoice, server: Server):
    server.mark_all_seen()

    assert read() == 3

    invoice.refresh_from_db()
    assert invoice.state == "delivered"


def test_full_mailbox_is_read_in_portions_and_each_mail_once(server: Server):
    server.deliver(*(b"Subject: %d\r\n\r\nx" % number for number in range(120)))

    assert [read() for _round in range(4)] == [50, 50, 20, 0]

    assert ReceivedMail.objects.count() == 120
    assert {mail.get_flags() for mail in server.mails} == {""}


def test_mailbox_that_was_rebuilt_is_read_again_without_effect(invoice: Invoice, server: Server):
    read()
    before = Mailbox.objects.get()
    server.forget_uids()

    assert read() == 3

    after = Mailbox.objects.get()
    assert after.uid_validity != before.uid_validity
    assert (ReceivedMail.objects.count(), len(story(invoice))) == (3, 6)


def test_wrong_password_is_kept_for_staff_to_see(server: Server, settings: Any):
    settings.SDI_PEC_PASSWORD = "sbagliata"

    assert read() == 0

    assert "AUTHENTICATIONFAILED" in Mailbox.objects.get().last_error


def test_server_with_another_certificate_is_not_talked_to(server: Server, settings: Any, tmp_path: Path):
    settings.SDI_PEC_CA_FILE = str(Authority(tmp_path / "other").root)

    assert read() == 0

    assert "CERTIFICATE_VERIFY_FAILED" in Mailbox.objects.get().last_error
