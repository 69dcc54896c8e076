"""Which invoices: whose, waiting for whom, and which of them count as issued."""

from typing import TYPE_CHECKING

from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery, Sum

from accounts.models import User
from invoicing.fatturapa.routing import ABROAD

if TYPE_CHECKING:
    from invoicing.models import Invoice


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def visible_to(self, user: User | AnonymousUser | None) -> "InvoiceQuerySet":
        """A customer's own; nothing for a guest, nor what an erased account left (whose column is NULL)."""
        return self.filter(customer=user) if user and user.is_authenticated else self.none()

    def for_table(self) -> "InvoiceQuerySet":
        """The latest first, with what the table of invoices shows and no more (`invoicing/_invoices_table.html`)."""
        columns = "number", "issue_date", "state", "gross_amount", "recipient_code"
        return self.only(*columns).order_by("-issue_date", "-pk")

    def latest_dated(self, series: str, year: int) -> "Invoice | None":
        """The document of a series and year with the latest date, whatever its number; None before the first."""
        dated = self.filter(series=series, issue_date__year=year)
        return dated.only("number", "issue_date").order_by("-issue_date", "-pk").first()

    def standing(self) -> "InvoiceQuerySet":
        """Issued, as the law has it: not rejected by SDI, nor refused by the office and replaced since.

        A refused document has been issued, for it was delivered; one that was credited stands beside its credit note.
        """
        # one that was rejected in its turn stands for nothing until it is replaced, too
        others = self._others().filter(~Q(state="rejected") | self._is_replaced(), replaces=OuterRef("pk"))
        withdrawn = Q(state="refused") & Exists(others) & ~Exists(self._credit_notes())
        return self.exclude(state="rejected").exclude(withdrawn)

    def rejected(self) -> "InvoiceQuerySet":
        """Rejected by SDI, and no other document has taken its place."""
        return self.filter(state="rejected").exclude(self._is_replaced())

    def refused(self) -> "InvoiceQuerySet":
        """Refused by the office, and neither credited in whole nor replaced."""
        notes = self._credit_notes()
        sums = notes.order_by().values("credits_given__invoice").annotate(sum=Sum("credits_given__amount"))
        is_open = ~Exists(notes) | Q(gross_amount__gt=Subquery(sums.values("sum")))
        return self.filter(is_open, state="refused").exclude(self._is_replaced())

    def unanswered(self) -> "InvoiceQuerySet":
        """Sent, and SDI has not said anything yet."""
        return self.filter(state__in=self.model.WAITING)

    def not_sent(self) -> "InvoiceQuerySet":
        """Did not reach SDI, and a person has to see why: a try that may pass is repeated by itself."""
        is_last = Q(files__submission__state="failed", state__in=["issued", "sending"])
        return self.filter(Q(state="send_failed") | is_last).distinct()

    def without_copy(self) -> "InvoiceQuerySet":
        """SDI has brought them to nobody, and no mail with the copy has left or is about to: a person hands it over."""
        undelivered = Q(state="made_available") | Q(state="delivered", recipient_code=ABROAD)
        # a mail that is gone went with its customer's account
        copies = apps.get_model("invoicing", "InvoiceCopy").objects.exclude(mail__state="failed")
        return self.filter(undelivered).exclude(Exists(copies.filter(invoice=OuterRef("pk"))))

    def _others(self) -> "InvoiceQuerySet":
        return InvoiceQuerySet(self.model)

    def _is_replaced(self) -> Exists:
        """Whether another document has taken a row's place, which is then the one to put right if it fails, too."""
        return Exists(self._others().filter(replaces=OuterRef("pk")))

    def _credit_notes(self) -> "InvoiceQuerySet":
        """Those on a row, without the ones that SDI has rejected, which were not issued."""
        return self._others().filter(credits_given__invoice=OuterRef("pk")).exclude(state="rejected")
