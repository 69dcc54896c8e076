import uuid

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("invoicing", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Category",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(unique=True)),
                ("name_it", models.CharField(max_length=80, verbose_name="name, Italian")),
                ("name_en", models.CharField(max_length=80, verbose_name="name, English")),
                ("about_it", models.TextField(verbose_name="about, Italian")),
                ("about_en", models.TextField(verbose_name="about, English")),
                (
                    "seal",
                    models.CharField(
                        choices=[
                            ("ai-act", "AI Act"),
                            ("gdpr", "GDPR"),
                            ("nis2", "NIS2"),
                            ("cybersecurity", "Cybersecurity"),
                        ],
                        max_length=15,
                        verbose_name="seal",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
            ],
            options={
                "verbose_name": "category",
                "verbose_name_plural": "categories",
            },
        ),
        migrations.CreateModel(
            name="Cart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "user",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cart",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("company", "Company or professional with partita IVA"),
                            ("person", "Private person"),
                            ("association", "Association or condominium without partita IVA"),
                            ("public_administration", "Public administration"),
                        ],
                        default="company",
                        max_length=21,
                        verbose_name="customer",
                    ),
                ),
                ("company_name", models.CharField(blank=True, max_length=80, verbose_name="company name")),
                ("first_name", models.CharField(blank=True, max_length=60, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=60, verbose_name="last name")),
                ("vat_number", models.CharField(blank=True, max_length=28, verbose_name="partita IVA")),
                ("tax_code", models.CharField(blank=True, max_length=16, verbose_name="codice fiscale")),
                ("recipient_code", models.CharField(blank=True, max_length=7, verbose_name="codice destinatario")),
                ("pec", models.EmailField(blank=True, max_length=254, verbose_name="PEC")),
                ("street", models.CharField(max_length=60, verbose_name="street and number")),
                ("postcode", models.CharField(blank=True, max_length=16, verbose_name="CAP")),
                ("city", models.CharField(max_length=60, verbose_name="town")),
                ("province", models.CharField(blank=True, max_length=2, verbose_name="province")),
                ("country", models.CharField(default="IT", max_length=2, verbose_name="country")),
                ("number", models.CharField(max_length=16, unique=True, verbose_name="number")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("awaiting_payment", "awaiting payment"),
                            ("paid", "paid"),
                            ("processing", "in progress"),
                            ("completed", "completed"),
                            ("cancelled", "cancelled"),
                        ],
                        default="awaiting_payment",
                        max_length=16,
                        verbose_name="status",
                    ),
                ),
                ("language", models.CharField(default="it", max_length=2)),
                ("net_amount", models.DecimalField(decimal_places=2, max_digits=12, verbose_name="net")),
                ("vat_rate", models.DecimalField(decimal_places=2, max_digits=5, verbose_name="VAT rate")),
                ("vat_amount", models.DecimalField(decimal_places=2, max_digits=12, verbose_name="VAT")),
                ("gross_amount", models.DecimalField(decimal_places=2, max_digits=12, verbose_name="total")),
                ("terms_accepted_at", models.DateTimeField(verbose_name="terms accepted")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="placed")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "order",
                "verbose_name_plural": "orders",
            },
        ),
        migrations.CreateModel(
            name="OrderEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("awaiting_payment", "Order received"),
                            ("paid", "Payment confirmed"),
                            ("processing", "Work started"),
                            ("completed", "Work completed"),
                            ("cancelled", "Order cancelled"),
                            ("payment_failed", "Payment not successful"),
                            ("payment_flagged", "Payment to be checked"),
                            ("invoice_refused", "Invoice to be completed"),
                        ],
                        max_length=16,
                        verbose_name="event",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="when")),
                ("text", models.TextField(blank=True, verbose_name="text")),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="who",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="billing.order"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("stripe_payment_intent_id", models.CharField(blank=True, max_length=64, verbose_name="Stripe")),
                ("amount", models.DecimalField(decimal_places=2, max_digits=12, verbose_name="amount")),
                ("currency", models.CharField(default="eur", max_length=3)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("created", "created"),
                            ("requires_action", "waiting for the bank's confirmation"),
                            ("processing", "processing"),
                            ("failed", "not successful"),
                            ("canceled", "cancelled"),
                            ("succeeded", "paid"),
                        ],
                        default="created",
                        max_length=15,
                        verbose_name="status",
                    ),
                ),
                (
                    "card",
                    models.CharField(
                        blank=True, help_text="brand and last four digits", max_length=40, verbose_name="card"
                    ),
                ),
                ("three_d_secure", models.BooleanField(default=False, verbose_name="3-D Secure")),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="error")),
                (
                    "flag",
                    models.CharField(
                        blank=True,
                        help_text="why the money does not fit the order",
                        max_length=200,
                        verbose_name="to check",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("succeeded_at", models.DateTimeField(null=True, verbose_name="paid")),
                (
                    "invoice",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payment",
                        to="invoicing.invoice",
                        verbose_name="invoice",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="billing.order",
                        verbose_name="order",
                    ),
                ),
            ],
            options={
                "verbose_name": "payment",
                "verbose_name_plural": "payments",
            },
        ),
        migrations.CreateModel(
            name="InvoiceRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "waiting"),
                            ("running", "in progress"),
                            ("done", "done"),
                            ("failed", "given up"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="tries")),
                (
                    "next_try_at",
                    models.DateTimeField(
                        blank=True, default=django.utils.timezone.now, null=True, verbose_name="next try"
                    ),
                ),
                ("claimed_at", models.DateTimeField(editable=False, null=True)),
                ("claim", models.UUIDField(editable=False, null=True)),
                ("last_error", models.TextField(blank=True, db_default="", default="", verbose_name="error")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "payment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invoice_request",
                        to="billing.payment",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Service",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(unique=True)),
                (
                    "subject",
                    models.CharField(
                        choices=[
                            ("ai-act", "AI Act"),
                            ("gdpr", "GDPR"),
                            ("nis2", "NIS2"),
                            ("cybersecurity", "Cybersecurity"),
                        ],
                        max_length=15,
                        verbose_name="subject",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("package", "Package"), ("quote", "On request"), ("subscription", "Subscription")],
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                (
                    "pricing",
                    models.CharField(
                        choices=[("fixed", "fixed price"), ("range", "price range"), ("on_request", "on request")],
                        max_length=10,
                        verbose_name="pricing",
                    ),
                ),
                (
                    "price",
                    models.DecimalField(
                        blank=True, decimal_places=2, max_digits=12, null=True, verbose_name="net price, EUR"
                    ),
                ),
                (
                    "price_to",
                    models.DecimalField(
                        blank=True, decimal_places=2, max_digits=12, null=True, verbose_name="up to, EUR"
                    ),
                ),
                ("name_it", models.CharField(max_length=80, verbose_name="name, Italian")),
                ("name_en", models.CharField(max_length=80, verbose_name="name, English")),
                ("tagline_it", models.CharField(max_length=160, verbose_name="line in the index, Italian")),
                ("tagline_en", models.CharField(max_length=160, verbose_name="line in the index, English")),
                ("lead_it", models.TextField(verbose_name="lead, Italian")),
                ("lead_en", models.TextField(verbose_name="lead, English")),
                ("problem_it", models.TextField(verbose_name="problem, Italian")),
                ("problem_en", models.TextField(verbose_name="problem, English")),
                ("solution_it", models.TextField(verbose_name="solution, Italian")),
                ("solution_en", models.TextField(verbose_name="solution, English")),
                ("audience_it", models.CharField(blank=True, max_length=80, verbose_name="for whom, Italian")),
                ("audience_en", models.CharField(blank=True, max_length=80, verbose_name="for whom, English")),
                ("duration_it", models.CharField(blank=True, max_length=80, verbose_name="how long, Italian")),
                ("duration_en", models.CharField(blank=True, max_length=80, verbose_name="how long, English")),
                ("law_note_it", models.CharField(blank=True, max_length=300, verbose_name="law, Italian")),
                ("law_note_en", models.CharField(blank=True, max_length=300, verbose_name="law, English")),
                (
                    "seo_it",
                    models.CharField(
                        blank=True, max_length=200, verbose_name="description for search engines, Italian"
                    ),
                ),
                (
                    "seo_en",
                    models.CharField(
                        blank=True, max_length=200, verbose_name="description for search engines, English"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("is_active", models.BooleanField(default=True, verbose_name="on offer")),
                (
                    "category",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="services",
                        to="billing.category",
                        verbose_name="category",
                    ),
                ),
            ],
            options={
                "verbose_name": "service",
                "verbose_name_plural": "services",
            },
        ),
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("description", models.CharField(max_length=200, verbose_name="description")),
                ("quantity", models.PositiveSmallIntegerField(verbose_name="quantity")),
                ("unit_price", models.DecimalField(decimal_places=2, max_digits=12, verbose_name="net price")),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="billing.order"
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.service"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CartItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("quantity", models.PositiveSmallIntegerField(default=1)),
                (
                    "cart",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="items", to="billing.cart"
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="billing.service"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ServiceItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("deliverable", "what you receive"),
                            ("step", "how it goes"),
                            ("faq", "question"),
                            ("fact", "fact beside the price"),
                        ],
                        max_length=11,
                        verbose_name="kind",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("label_it", models.CharField(blank=True, max_length=60, verbose_name="label, Italian")),
                ("label_en", models.CharField(blank=True, max_length=60, verbose_name="label, English")),
                ("title_it", models.CharField(max_length=200, verbose_name="title, Italian")),
                ("title_en", models.CharField(max_length=200, verbose_name="title, English")),
                ("text_it", models.TextField(blank=True, verbose_name="text, Italian")),
                ("text_en", models.TextField(blank=True, verbose_name="text, English")),
                (
                    "service",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="items", to="billing.service"
                    ),
                ),
            ],
            options={
                "verbose_name": "item",
                "verbose_name_plural": "items",
            },
        ),
        migrations.CreateModel(
            name="StripeCustomer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("stripe_customer_id", models.CharField(blank=True, max_length=64)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stripe_customer",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StripeEvent",
            fields=[
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "waiting"),
                            ("running", "in progress"),
                            ("done", "done"),
                            ("failed", "given up"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="tries")),
                (
                    "next_try_at",
                    models.DateTimeField(
                        blank=True, default=django.utils.timezone.now, null=True, verbose_name="next try"
                    ),
                ),
                ("claimed_at", models.DateTimeField(editable=False, null=True)),
                ("claim", models.UUIDField(editable=False, null=True)),
                ("last_error", models.TextField(blank=True, db_default="", default="", verbose_name="error")),
                ("event_id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("type", models.CharField(max_length=80, verbose_name="type")),
                ("payload", models.JSONField(verbose_name="content")),
                (
                    "mirror_error",
                    models.TextField(blank=True, db_default="", default="", verbose_name="mirror's error"),
                ),
                ("received_at", models.DateTimeField(verbose_name="received")),
                ("done_at", models.DateTimeField(null=True, verbose_name="done")),
            ],
            options={
                "verbose_name": "Stripe event",
                "verbose_name_plural": "Stripe events",
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_try_at__isnull", False)),
                        fields=["next_try_at"],
                        name="billing_stripeevent_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("next_try_at__isnull", False), ("state__in", ("pending", "running"))),
                            models.Q(
                                models.Q(("state__in", ("pending", "running")), _negated=True), ("next_try_at", None)
                            ),
                            _connector="OR",
                        ),
                        name="billing_stripeevent_waits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["pending", "running", "done", "failed"])),
                        name="billing_stripeevent_state",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["awaiting_payment", "paid", "processing", "completed", "cancelled"])
                ),
                name="billing_order_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "gross_amount",
                        django.db.models.expressions.CombinedExpression(
                            models.F("net_amount"), "+", models.F("vat_amount")
                        ),
                    ),
                    ("gross_amount__gt", 0),
                ),
                name="billing_order_sum",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["created", "requires_action", "processing", "failed", "canceled", "succeeded"])
                ),
                name="billing_payment_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "canceled"), _negated=True),
                fields=("order",),
                name="billing_payment_one_per_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stripe_payment_intent_id", ""), _negated=True),
                fields=("stripe_payment_intent_id",),
                name="billing_payment_intent_once",
            ),
        ),
        migrations.AddIndex(
            model_name="invoicerequest",
            index=models.Index(
                condition=models.Q(("next_try_at__isnull", False)),
                fields=["next_try_at"],
                name="billing_invoicerequest_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoicerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_try_at__isnull", False), ("state__in", ("pending", "running"))),
                    models.Q(models.Q(("state__in", ("pending", "running")), _negated=True), ("next_try_at", None)),
                    _connector="OR",
                ),
                name="billing_invoicerequest_waits",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoicerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["pending", "running", "done", "failed"])),
                name="billing_invoicerequest_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="service",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["package", "quote", "subscription"])), name="billing_service_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="service",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("price__gt", 0), ("price__isnull", False), ("price_to", None), ("pricing", "fixed")),
                    models.Q(
                        ("price__gt", 0),
                        ("price__isnull", False),
                        ("price_to__gt", models.F("price")),
                        ("price_to__isnull", False),
                        ("pricing", "range"),
                    ),
                    models.Q(("price", None), ("price_to", None), ("pricing", "on_request")),
                    _connector="OR",
                ),
                name="billing_service_price",
                violation_error_message="Fixed needs one price, a range two, on request none.",
            ),
        ),
        migrations.AddConstraint(
            model_name="cartitem",
            constraint=models.UniqueConstraint(fields=("cart", "service"), name="billing_cartitem_once"),
        ),
        migrations.AddConstraint(
            model_name="cartitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gte", 1), ("quantity__lte", 20)), name="billing_cartitem_quantity"
            ),
        ),
    ]
