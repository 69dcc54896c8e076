"""The catalogue: categories, services and the parts of a service's page, in Italian and English."""

from functools import reduce
from operator import or_
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.fiscal.letters import can_be_carried
from billing.translated import Translated


class Subject(models.TextChoices):
    """The four subjects; each has its seal."""

    AI_ACT = "ai-act", "AI Act"
    GDPR = "gdpr", "GDPR"
    NIS2 = "nis2", "NIS2"
    CYBERSECURITY = "cybersecurity", "Cybersecurity"


class Category(models.Model):
    slug = models.SlugField(unique=True)
    name_it = models.CharField(_("name, Italian"), max_length=80)
    name_en = models.CharField(_("name, English"), max_length=80)
    about_it = models.TextField(_("about, Italian"))
    about_en = models.TextField(_("about, English"))
    seal = models.CharField(_("seal"), max_length=15, choices=Subject.choices)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    name = Translated()
    about = Translated()

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")

    def __str__(self) -> str:
        return self.name_it


def buyable(prefix: str = "") -> Q:
    """What goes into a cart; `prefix` leads to the service from another row ("service__")."""
    fields = {"is_active": True, "kind": Service.Kind.PACKAGE, "pricing": Service.Pricing.FIXED}
    return Q(**{f"{prefix}{name}": value for name, value in fields.items()})


class ServiceQuerySet(models.QuerySet["Service"]):
    def listed(self) -> "ServiceQuerySet":
        """What customers see, in the order of the index."""
        return self.filter(is_active=True).select_related("category").order_by("category__position", "position", "pk")

    def matching(self, words: str) -> "ServiceQuerySet":
        """Services that have every word somewhere in their texts, in either language."""
        queryset = self
        for word in words.split()[:8]:
            texts = ("name_it", "name_en", "tagline_it", "tagline_en", "lead_it", "lead_en", "subject", "law_note_it")
            queryset = queryset.filter(reduce(or_, (Q(**{f"{text}__icontains": word}) for text in texts)))
        return queryset

    def buyable(self) -> "ServiceQuerySet":
        return self.filter(buyable())


class Service(models.Model):
    """Something on offer. A package with a fixed price goes into the cart; the rest is asked for."""

    class Kind(models.TextChoices):
        PACKAGE = "package", _("Package")
        QUOTE = "quote", _("On request")
        SUBSCRIPTION = "subscription", _("Subscription")

    class Pricing(models.TextChoices):
        FIXED = "fixed", _("fixed price")
        RANGE = "range", _("price range")
        ON_REQUEST = "on_request", _("on request")

    category = models.ForeignKey(
        Category, on_delete=models.PROTECT, related_name="services", verbose_name=_("category")
    )
    slug = models.SlugField(unique=True)
    subject = models.CharField(_("subject"), max_length=15, choices=Subject.choices)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    pricing = models.CharField(_("pricing"), max_length=10, choices=Pricing.choices)
    price = models.DecimalField(_("net price, EUR"), max_digits=12, decimal_places=2, null=True, blank=True)
    price_to = models.DecimalField(_("up to, EUR"), max_digits=12, decimal_places=2, null=True, blank=True)
    name_it = models.CharField(_("name, Italian"), max_length=80)
    name_en = models.CharField(_("name, English"), max_length=80)
    tagline_it = models.CharField(_("line in the index, Italian"), max_length=160)
    tagline_en = models.CharField(_("line in the index, English"), max_length=160)
    lead_it = models.TextField(_("lead, Italian"))
    lead_en = models.TextField(_("lead, English"))
    problem_it = models.TextField(_("problem, Italian"))
    problem_en = models.TextField(_("problem, English"))
    solution_it = models.TextField(_("solution, Italian"))
    solution_en = models.TextField(_("solution, English"))
    audience_it = models.CharField(_("for whom, Italian"), max_length=80, blank=True)
    audience_en = models.CharField(_("for whom, English"), max_length=80, blank=True)
    duration_it = models.CharField(_("how long, Italian"), max_length=80, blank=True)
    duration_en = models.CharField(_("how long, English"), max_length=80, blank=True)
    law_note_it = models.CharField(_("law, Italian"), max_length=300, blank=True)
    law_note_en = models.CharField(_("law, English"), max_length=300, blank=True)
    seo_it = models.CharField(_("description for search engines, Italian"), max_length=200, blank=True)
    seo_en = models.CharField(_("description for search engines, English"), max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_active = models.BooleanField(_("on offer"), default=True)

    name = Translated()
    tagline = Translated()
    lead = Translated()
    problem = Translated()
    solution = Translated()
    audience = Translated()
    duration = Translated()
    law_note = Translated()
    seo = Translated()

    objects = ServiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("service")
        verbose_name_plural = _("services")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=["package", "quote", "subscription"]), name="billing_service_kind"
            ),
            models.CheckConstraint(
                condition=Q(pricing="fixed", price__isnull=False, price__gt=0, price_to=None)
                | Q(
                    pricing="range",
                    price__isnull=False,
                    price__gt=0,
                    price_to__isnull=False,
                    price_to__gt=models.F("price"),
                )
                | Q(pricing="on_request", price=None, price_to=None),
                name="billing_service_price",
                violation_error_message=_("Fixed needs one price, a range two, on request none."),
            ),
        ]

    def __str__(self) -> str:
        return self.name_it

    def get_absolute_url(self) -> str:
        return reverse("billing:show_service", args=[self.slug])

    def clean(self) -> None:
        """The name becomes a line of an invoice: what that cannot carry is refused here, not after the payment."""
        super().clean()
        message = _("Please use Latin letters: the electronic invoice cannot carry other alphabets.")
        names = {"name_it": self.name_it, "name_en": self.name_en}
        if errors := {field: message for field, name in names.items() if name and not can_be_carried(name)}:
            raise ValidationError(errors)

    @property
    def is_buyable(self) -> bool:
        return self.is_active and self.kind == self.Kind.PACKAGE and self.pricing == self.Pricing.FIXED


class ServiceItem(models.Model):
    """One row of a list on a service's page; `label` is its format, its time, or nothing."""

    class Kind(models.TextChoices):
        DELIVERABLE = "deliverable", _("what you receive")
        STEP = "step", _("how it goes")
        FAQ = "faq", _("question")
        FACT = "fact", _("fact beside the price")

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="items")
    kind = models.CharField(_("kind"), max_length=11, choices=Kind.choices)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    label_it = models.CharField(_("label, Italian"), max_length=60, blank=True)
    label_en = models.CharField(_("label, English"), max_length=60, blank=True)
    title_it = models.CharField(_("title, Italian"), max_length=200)
    title_en = models.CharField(_("title, English"), max_length=200)
    text_it = models.TextField(_("text, Italian"), blank=True)
    text_en = models.TextField(_("text, English"), blank=True)

    label = Translated()
    title = Translated()
    text = Translated()

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")

    def __str__(self) -> str:
        return self.title_it
