import datetime
import uuid
from datetime import date
from decimal import Decimal

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import pgvector.django.halfvec
import pgvector.django.indexes
from django.conf import settings
from django.db import migrations, models

# Ranking reads the words of every passage that has one of the question's: they stay in the row and uncompressed, where
# the text, read for the few passages found, goes outside.
STORE = """
ALTER TABLE chatbot_chunk ALTER COLUMN text SET STORAGE EXTERNAL, ALTER COLUMN search SET STORAGE MAIN;
"""
AS_BEFORE = """
ALTER TABLE chatbot_chunk ALTER COLUMN text SET STORAGE EXTENDED, ALTER COLUMN search SET STORAGE EXTENDED;
"""
# The prices of the models the product comes with, as published on the day they are valid from.
_ANTHROPIC = "https://platform.claude.com/docs/en/about-claude/pricing"
PRICES = [
    # model, valid from, in, out, written to cache (five minutes), read from cache: dollars a million tokens
    ("claude-sonnet-4-6", date(2026, 2, 1), "3", "15", "3.75", "0.30", _ANTHROPIC),
    ("claude-haiku-4-5", date(2025, 10, 1), "1", "5", "1.25", "0.10", _ANTHROPIC),
    ("claude-sonnet-5-5", date(2026, 10, 7), "2", "10", "2.50", "0.10", _ANTHROPIC),
    ("claude-haiku-5-5", date(2026, 10, 7), "0.10", "0.50", "0.125", "0.01", _ANTHROPIC),
]


def add_prices(apps, schema_editor):
    price = apps.get_model("chatbot", "ModelPrice")
    for model, valid_from, into, out, written, read, source in PRICES:
        price.objects.get_or_create(
            model=model, valid_from=valid_from,
            defaults={
                "input_price": Decimal(into), "output_price": Decimal(out), "cache_write_price": Decimal(written),
                "cache_read_price": Decimal(read), "source": source,
            },
        )  # fmt: skip


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgvector.django.VectorExtension(),
        migrations.CreateModel(
            name="AssistantVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "model",
                    models.CharField(
                        blank=True,
                        help_text="Empty: CLAUDE_MODEL of the settings.",
                        max_length=60,
                        verbose_name="model",
                    ),
                ),
                (
                    "rewrite_model",
                    models.CharField(
                        blank=True,
                        help_text="Small and quick. Empty: CLAUDE_REWRITE_MODEL of the settings.",
                        max_length=60,
                        verbose_name="model that rewrites questions",
                    ),
                ),
                (
                    "max_tokens",
                    models.PositiveIntegerField(
                        default=1024,
                        validators=[
                            django.core.validators.MinValueValidator(64),
                            django.core.validators.MaxValueValidator(8192),
                        ],
                        verbose_name="longest answer, in tokens",
                    ),
                ),
                (
                    "temperature",
                    models.FloatField(
                        blank=True,
                        help_text="Between 0 and 1. Empty sends none, as newer models refuse it.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0.0),
                            django.core.validators.MaxValueValidator(1.0),
                        ],
                        verbose_name="temperature",
                    ),
                ),
                (
                    "prompt",
                    models.TextField(
                        blank=True,
                        help_text="Empty: those the product comes with.",
                        verbose_name="instructions to the model",
                    ),
                ),
                (
                    "top_k",
                    models.PositiveSmallIntegerField(
                        default=5,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(20),
                        ],
                        verbose_name="passages given to the model",
                    ),
                ),
                (
                    "off_topic_similarity",
                    models.FloatField(
                        default=0.8,
                        help_text="Of the best passage, when hardly a word of the question is found; depends on the embeddings.",
                        validators=[
                            django.core.validators.MinValueValidator(0.0),
                            django.core.validators.MaxValueValidator(1.0),
                        ],
                        verbose_name="off topic below this similarity",
                    ),
                ),
                (
                    "rewrites_questions",
                    models.BooleanField(
                        default=True,
                        help_text="Into the terms and the language of the documents, when the first search is not sure.",
                        verbose_name="rewrites questions",
                    ),
                ),
                (
                    "reranks",
                    models.BooleanField(
                        default=False,
                        help_text="The model that rewrites questions reads the best twenty passages and orders them: one more call.",
                        verbose_name="puts passages in order",
                    ),
                ),
                (
                    "daily_budget",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("20.00"),
                        max_digits=8,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                        verbose_name="budget a day, in euros",
                    ),
                ),
                (
                    "caller_budget",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("1.00"),
                        max_digits=8,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                        verbose_name="budget a person and day, in euros",
                    ),
                ),
                (
                    "is_answering",
                    models.BooleanField(
                        default=True,
                        help_text="Off: no model is asked, and people are referred to a person.",
                        verbose_name="answers",
                    ),
                ),
                ("note", models.CharField(max_length=200, verbose_name="what changed")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="since")),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
            ],
            options={
                "verbose_name": "setting of the assistant",
                "verbose_name_plural": "settings of the assistant",
            },
        ),
        migrations.CreateModel(
            name="Conversation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("language", models.CharField(default="it", max_length=2, verbose_name="language")),
                (
                    "caller",
                    models.CharField(help_text="keyed hash of the address, for the hourly limit", max_length=64),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="started")),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conversations",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "conversation",
                "verbose_name_plural": "conversations",
            },
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
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
                ("name", models.CharField(max_length=160, verbose_name="file name")),
                ("kind", models.CharField(max_length=4, verbose_name="kind")),
                ("title", models.CharField(blank=True, max_length=200, verbose_name="title")),
                (
                    "topic",
                    models.CharField(
                        choices=[
                            ("AI", "AI Act"),
                            ("GDPR", "GDPR"),
                            ("NIS2", "NIS2"),
                            ("CYBERSECURITY", "Cybersecurity"),
                            ("GENERAL", "General"),
                        ],
                        default="GENERAL",
                        max_length=13,
                        verbose_name="topic",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        blank=True,
                        choices=[("it", "Italiano"), ("en", "English")],
                        max_length=2,
                        verbose_name="language",
                    ),
                ),
                ("version", models.CharField(blank=True, max_length=40, verbose_name="version")),
                ("is_active", models.BooleanField(default=True, verbose_name="used in answers")),
                (
                    "is_article",
                    models.BooleanField(
                        default=False, help_text="written from what somebody asked", verbose_name="article"
                    ),
                ),
                ("content", models.BinaryField()),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("size", models.PositiveIntegerField(verbose_name="bytes")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "waiting"),
                            ("running", "being read"),
                            ("done", "ready"),
                            ("failed", "failed"),
                        ],
                        default="pending",
                        max_length=7,
                        verbose_name="status",
                    ),
                ),
                ("chunk_count", models.PositiveIntegerField(default=0, verbose_name="passages")),
                ("embedded_count", models.PositiveIntegerField(default=0, verbose_name="embedded")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="added")),
                ("completed_at", models.DateTimeField(null=True, verbose_name="ready since")),
                (
                    "replaces",
                    models.ForeignKey(
                        help_text="The version before: it leaves the answers when this one is ready.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="replaced_by",
                        to="chatbot.document",
                        verbose_name="replaces",
                    ),
                ),
            ],
            options={
                "verbose_name": "document",
                "verbose_name_plural": "documents",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Chunk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField(verbose_name="position")),
                ("section", models.PositiveIntegerField(default=0, verbose_name="section")),
                ("heading", models.CharField(blank=True, max_length=300, verbose_name="heading")),
                ("path", models.CharField(blank=True, max_length=500, verbose_name="part of")),
                ("page", models.PositiveIntegerField(null=True, verbose_name="page")),
                (
                    "is_background",
                    models.BooleanField(
                        default=False,
                        help_text="a recital or preamble: found after what it explains",
                        verbose_name="explains",
                    ),
                ),
                ("text", models.TextField(verbose_name="text")),
                ("language", models.CharField(max_length=2, verbose_name="language")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("embedding", pgvector.django.halfvec.HalfVectorField(dimensions=1536, null=True)),
                ("embedding_model", models.CharField(blank=True, max_length=60, verbose_name="embedded by")),
                ("search", django.contrib.postgres.search.SearchVectorField(null=True)),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chunks",
                        to="chatbot.document",
                        verbose_name="document",
                    ),
                ),
            ],
            options={
                "verbose_name": "passage",
                "verbose_name_plural": "passages",
            },
        ),
        migrations.CreateModel(
            name="EvaluationRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="at")),
                ("name", models.CharField(max_length=160, verbose_name="questions")),
                ("questions_sha256", models.CharField(max_length=64, verbose_name="SHA-256 of the questions")),
                ("question_count", models.PositiveIntegerField(verbose_name="number of questions")),
                ("document_count", models.PositiveIntegerField(verbose_name="documents")),
                ("passage_count", models.PositiveIntegerField(verbose_name="passages")),
                (
                    "waiting_count",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="More than none: measured on a part of them.",
                        verbose_name="documents still being read",
                    ),
                ),
                (
                    "corpus_sha256",
                    models.CharField(
                        help_text="Where it is the same, the documents are the same.",
                        max_length=64,
                        verbose_name="SHA-256 of the documents",
                    ),
                ),
                ("embedding_model", models.CharField(max_length=60, verbose_name="embedding model")),
                ("answer_model", models.CharField(max_length=60, verbose_name="model")),
                (
                    "rewrite_model",
                    models.CharField(
                        blank=True,
                        help_text="Empty: none were rewritten.",
                        max_length=60,
                        verbose_name="model that rewrites questions",
                    ),
                ),
                ("figures", models.JSONField(verbose_name="figures")),
                ("remarks", models.JSONField(default=list, verbose_name="questions to look at")),
                (
                    "version",
                    models.ForeignKey(
                        help_text="None: before there was any.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="chatbot.assistantversion",
                        verbose_name="setting of the assistant",
                    ),
                ),
            ],
            options={
                "verbose_name": "evaluation",
                "verbose_name_plural": "evaluations",
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "client_id",
                    models.UUIDField(
                        editable=False,
                        help_text="the asker's own id of a question; its finished answer has the same",
                        null=True,
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("question", "question"), ("answer", "answer")], max_length=8, verbose_name="role"
                    ),
                ),
                ("text", models.TextField(verbose_name="text")),
                (
                    "about",
                    models.CharField(
                        blank=True,
                        help_text="the service beside whose page the question was asked",
                        max_length=80,
                        verbose_name="about",
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("answered", "answered"),
                            ("refused", "no support in the documents"),
                            ("person", "asked for a person"),
                            ("incomplete", "cut off"),
                            ("limited", "the day’s budget is spent"),
                            ("failed", "service not available"),
                        ],
                        max_length=10,
                        verbose_name="outcome",
                    ),
                ),
                ("error", models.CharField(blank=True, max_length=200, verbose_name="error")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="at")),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="chatbot.conversation",
                        verbose_name="conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "message",
                "verbose_name_plural": "messages",
            },
        ),
        migrations.CreateModel(
            name="Citation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("title", models.CharField(max_length=200)),
                ("heading", models.CharField(blank=True, max_length=300)),
                ("page", models.PositiveIntegerField(null=True)),
                (
                    "url",
                    models.CharField(blank=True, help_text="of the customer's own order or invoice", max_length=300),
                ),
                ("passage", models.TextField()),
                ("quote", models.TextField(help_text="the words the answer rests on, as they stand in the passage")),
                (
                    "chunk",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="chatbot.chunk"
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="citations", to="chatbot.message"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MessageFeedback",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_helpful", models.BooleanField(verbose_name="helpful")),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("wrong", "wrong"),
                            ("incomplete", "incomplete"),
                            ("unclear", "not understandable"),
                            ("other", "something else"),
                        ],
                        max_length=10,
                        verbose_name="reason",
                    ),
                ),
                ("text", models.CharField(blank=True, max_length=1000, verbose_name="comment")),
                ("given_at", models.DateTimeField(verbose_name="given")),
                ("reviewed_at", models.DateTimeField(null=True, verbose_name="reviewed")),
                ("note", models.CharField(blank=True, max_length=500, verbose_name="note of the review")),
                (
                    "message",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="feedback",
                        to="chatbot.message",
                        verbose_name="message",
                    ),
                ),
                (
                    "reviewed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="reviewed by",
                    ),
                ),
            ],
            options={
                "verbose_name": "feedback",
                "verbose_name_plural": "feedback",
            },
        ),
        migrations.CreateModel(
            name="ModelCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("answer", "answer"),
                            ("rewrite", "rewriting"),
                            ("rerank", "ordering of passages"),
                            ("trial", "trial by staff"),
                        ],
                        max_length=7,
                        verbose_name="purpose",
                    ),
                ),
                ("model", models.CharField(max_length=60, verbose_name="model")),
                ("caller", models.CharField(max_length=64)),
                ("topic", models.CharField(blank=True, max_length=13, verbose_name="topic")),
                ("input_tokens", models.PositiveIntegerField(default=0, verbose_name="tokens in")),
                ("output_tokens", models.PositiveIntegerField(default=0, verbose_name="tokens out")),
                ("cache_read_tokens", models.PositiveIntegerField(default=0, verbose_name="tokens read from cache")),
                ("cache_write_tokens", models.PositiveIntegerField(default=0, verbose_name="tokens written to cache")),
                ("cost", models.DecimalField(decimal_places=6, max_digits=12, verbose_name="cost, in euros")),
                (
                    "passages",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        default=list,
                        help_text="ids of the passages the model was given: no other can be cited",
                        size=None,
                    ),
                ),
                ("is_settled", models.BooleanField(default=False, verbose_name="settled")),
                ("day", models.DateField(verbose_name="day")),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "question",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="model_calls",
                        to="chatbot.message",
                        verbose_name="question",
                    ),
                ),
            ],
            options={
                "verbose_name": "call of a model",
                "verbose_name_plural": "calls of models",
            },
        ),
        migrations.CreateModel(
            name="ModelPrice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("model", models.CharField(max_length=60, verbose_name="model")),
                ("valid_from", models.DateField(verbose_name="valid from")),
                (
                    "input_price",
                    models.DecimalField(
                        decimal_places=4,
                        default=0,
                        max_digits=9,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="tokens in, $ a million",
                    ),
                ),
                (
                    "output_price",
                    models.DecimalField(
                        decimal_places=4,
                        default=0,
                        max_digits=9,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="tokens out, $ a million",
                    ),
                ),
                (
                    "cache_write_price",
                    models.DecimalField(
                        decimal_places=4,
                        default=0,
                        max_digits=9,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="written to cache, $ a million",
                    ),
                ),
                (
                    "cache_read_price",
                    models.DecimalField(
                        decimal_places=4,
                        default=0,
                        max_digits=9,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="read from cache, $ a million",
                    ),
                ),
                (
                    "euros_per_dollar",
                    models.DecimalField(
                        decimal_places=4, default=Decimal("0.9"), max_digits=7, verbose_name="euros a dollar"
                    ),
                ),
                ("source", models.CharField(blank=True, max_length=200, verbose_name="source")),
            ],
            options={
                "verbose_name": "price of a model",
                "verbose_name_plural": "prices of models",
                "constraints": [
                    models.UniqueConstraint(fields=("model", "valid_from"), name="chatbot_modelprice_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cache_read_price__gte", 0),
                            ("cache_write_price__gte", 0),
                            ("input_price__gte", 0),
                            ("output_price__gte", 0),
                        ),
                        name="chatbot_modelprice_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QuestionGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("done_at", models.DateTimeField(null=True, verbose_name="done")),
                ("note", models.CharField(blank=True, max_length=500, verbose_name="what was done")),
                ("created_at", models.DateTimeField(verbose_name="first grouped")),
                (
                    "article",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="question_groups",
                        to="chatbot.document",
                        verbose_name="article",
                    ),
                ),
                (
                    "done_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="done by",
                    ),
                ),
            ],
            options={
                "verbose_name": "unanswered question",
                "verbose_name_plural": "unanswered questions",
            },
        ),
        migrations.CreateModel(
            name="QuestionTrace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("asked_at", models.DateTimeField(verbose_name="asked")),
                ("embedding", pgvector.django.halfvec.HalfVectorField(dimensions=1536, null=True)),
                ("embedding_model", models.CharField(blank=True, max_length=60)),
                ("near_title", models.CharField(blank=True, max_length=200)),
                ("near_heading", models.CharField(blank=True, max_length=300)),
                ("near_topic", models.CharField(blank=True, max_length=13)),
                ("near_score", models.FloatField(null=True)),
                ("near_similarity", models.FloatField(null=True)),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("refused", "nothing in the documents"),
                            ("unsupported", "answer without support"),
                            ("thumbs_down", "answers of no use"),
                            ("handed_over", "handed over for lack of an answer"),
                        ],
                        max_length=11,
                        verbose_name="reason",
                    ),
                ),
                ("grouped_at", models.DateTimeField(null=True)),
                (
                    "answer",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="chatbot.message"
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="questions",
                        to="chatbot.questiongroup",
                    ),
                ),
                (
                    "near_chunk",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="chatbot.chunk"
                    ),
                ),
                (
                    "question",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="trace", to="chatbot.message"
                    ),
                ),
            ],
            options={
                "verbose_name": "trace of a question",
                "verbose_name_plural": "traces of questions",
            },
        ),
        migrations.AddField(
            model_name="questiongroup",
            name="typical",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="chatbot.questiontrace",
                verbose_name="typical question",
            ),
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(max_length=16, unique=True, verbose_name="number")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("new", "new"),
                            ("in_progress", "in progress"),
                            ("waiting_customer", "waiting for the customer"),
                            ("resolved", "resolved"),
                            ("closed", "closed"),
                        ],
                        default="new",
                        max_length=16,
                        verbose_name="status",
                    ),
                ),
                (
                    "priority",
                    models.CharField(
                        choices=[("urgent", "urgent"), ("high", "high"), ("medium", "medium"), ("low", "low")],
                        default="medium",
                        max_length=6,
                        verbose_name="priority",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("asked", "asked for a person"),
                            ("missing_knowledge", "not in the documents"),
                            ("thumbs_down", "answers of no use"),
                            ("low_support", "little support in the documents"),
                            ("staff", "taken over by staff"),
                            ("contact", "written to us"),
                        ],
                        max_length=17,
                        verbose_name="reason",
                    ),
                ),
                (
                    "topic",
                    models.CharField(
                        choices=[
                            ("AI", "AI Act"),
                            ("GDPR", "GDPR"),
                            ("NIS2", "NIS2"),
                            ("CYBERSECURITY", "Cybersecurity"),
                            ("GENERAL", "General"),
                        ],
                        default="GENERAL",
                        max_length=13,
                        verbose_name="topic",
                    ),
                ),
                ("subject", models.CharField(max_length=120, verbose_name="subject")),
                (
                    "language",
                    models.CharField(
                        choices=[("it", "Italiano"), ("en", "English")],
                        default="it",
                        max_length=2,
                        verbose_name="language",
                    ),
                ),
                ("guest_name", models.CharField(blank=True, max_length=80, verbose_name="name")),
                ("guest_email", models.EmailField(blank=True, max_length=254, verbose_name="e-mail")),
                ("transcript", models.TextField(blank=True, verbose_name="conversation with the assistant")),
                ("first_response_due_at", models.DateTimeField(verbose_name="first answer due")),
                ("warn_at", models.DateTimeField(help_text="when staff are told that the first answer is nearly due")),
                ("resolution_due_at", models.DateTimeField(verbose_name="solution due")),
                ("first_responded_at", models.DateTimeField(null=True, verbose_name="first answer")),
                ("resolved_at", models.DateTimeField(null=True, verbose_name="resolved")),
                ("closed_at", models.DateTimeField(null=True, verbose_name="closed")),
                ("alerted_at", models.DateTimeField(null=True, verbose_name="staff alerted")),
                (
                    "paused_at",
                    models.DateTimeField(
                        help_text="since when the customer is to answer, or nobody any more", null=True
                    ),
                ),
                (
                    "paused_for",
                    models.DurationField(
                        default=datetime.timedelta(0), help_text="pauses that are over, in working time"
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="opened")),
                (
                    "article",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="tickets",
                        to="chatbot.document",
                        verbose_name="article",
                    ),
                ),
                (
                    "assignee",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="assigned to",
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="tickets",
                        to="chatbot.conversation",
                        verbose_name="conversation",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="tickets",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "ticket",
                "verbose_name_plural": "tickets",
            },
        ),
        migrations.CreateModel(
            name="TicketMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("customer", "customer"), ("staff", "answer"), ("note", "internal note")],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("text", models.TextField(verbose_name="text")),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="author",
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="chatbot.ticket",
                        verbose_name="ticket",
                    ),
                ),
            ],
            options={
                "verbose_name": "message",
                "verbose_name_plural": "messages",
            },
        ),
        migrations.CreateModel(
            name="TicketAttachment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=120, verbose_name="file name")),
                ("kind", models.CharField(max_length=4, verbose_name="kind")),
                ("size", models.PositiveIntegerField(verbose_name="bytes")),
                ("content", models.BinaryField()),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attachments",
                        to="chatbot.ticketmessage",
                    ),
                ),
            ],
            options={
                "verbose_name": "attachment",
                "verbose_name_plural": "attachments",
            },
        ),
        migrations.CreateModel(
            name="WebPage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
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
                ("url", models.URLField(max_length=500, unique=True, verbose_name="address")),
                (
                    "topic",
                    models.CharField(
                        choices=[
                            ("AI", "AI Act"),
                            ("GDPR", "GDPR"),
                            ("NIS2", "NIS2"),
                            ("CYBERSECURITY", "Cybersecurity"),
                            ("GENERAL", "General"),
                        ],
                        default="GENERAL",
                        max_length=13,
                        verbose_name="topic",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        blank=True,
                        choices=[("it", "Italiano"), ("en", "English")],
                        max_length=2,
                        verbose_name="language",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="looked at")),
                (
                    "every_days",
                    models.PositiveSmallIntegerField(
                        default=7,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(365),
                        ],
                        verbose_name="every so many days",
                    ),
                ),
                ("text_sha256", models.CharField(blank=True, max_length=64)),
                ("etag", models.CharField(blank=True, max_length=200)),
                ("last_modified", models.CharField(blank=True, max_length=60)),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "waiting"), ("running", "being read"), ("failed", "failed")],
                        default="pending",
                        max_length=7,
                        verbose_name="state",
                    ),
                ),
                ("checked_at", models.DateTimeField(null=True, verbose_name="looked at last")),
                ("changed_at", models.DateTimeField(null=True, verbose_name="changed last")),
            ],
            options={
                "verbose_name": "web page",
                "verbose_name_plural": "web pages",
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_try_at__isnull", False)),
                        fields=["next_try_at"],
                        name="chatbot_webpage_due",
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
                        name="chatbot_webpage_waits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["pending", "running", "failed"])),
                        name="chatbot_webpage_state",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="document",
            name="page",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="documents",
                to="chatbot.webpage",
                verbose_name="web page",
            ),
        ),
        migrations.CreateModel(
            name="WordCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("language", models.CharField(max_length=2)),
                ("stem", models.TextField()),
                ("passages", models.PositiveIntegerField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("language", "stem"), name="chatbot_wordcount_once")],
            },
        ),
        migrations.AddIndex(
            model_name="chunk",
            index=django.contrib.postgres.indexes.GinIndex(fields=["search"], name="chatbot_chunk_search"),
        ),
        migrations.AddIndex(
            model_name="chunk",
            index=pgvector.django.indexes.HnswIndex(
                ef_construction=64,
                fields=["embedding"],
                m=16,
                name="chatbot_chunk_near",
                opclasses=["halfvec_cosine_ops"],
            ),
        ),
        migrations.AddIndex(
            model_name="chunk",
            index=models.Index(fields=["sha256", "embedding_model"], name="chatbot_chunk_same_text"),
        ),
        migrations.AddConstraint(
            model_name="chunk",
            constraint=models.UniqueConstraint(fields=("document", "position"), name="chatbot_chunk_once"),
        ),
        migrations.AddIndex(
            model_name="evaluationrun",
            index=models.Index(fields=["questions_sha256", "at"], name="chatbot_evaluationrun_trend"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["conversation", "created_at"], name="chatbot_message_order"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(fields=("client_id", "role"), name="chatbot_message_once"),
        ),
        migrations.AddConstraint(
            model_name="citation",
            constraint=models.UniqueConstraint(fields=("message", "number"), name="chatbot_citation_once"),
        ),
        migrations.AddIndex(
            model_name="messagefeedback",
            index=models.Index(fields=["-given_at"], name="chatbot_feedback_newest"),
        ),
        migrations.AddConstraint(
            model_name="messagefeedback",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason__in", ["", "wrong", "incomplete", "unclear", "other"])),
                name="chatbot_feedback_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="messagefeedback",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_helpful", False), models.Q(("reason", ""), ("text", "")), _connector="OR"),
                name="chatbot_feedback_reason_of_the_unhelpful",
            ),
        ),
        migrations.AddIndex(
            model_name="modelcall",
            index=models.Index(fields=["day", "caller"], name="chatbot_modelcall_day"),
        ),
        migrations.AddConstraint(
            model_name="modelcall",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["answer", "rewrite", "rerank", "trial"])),
                name="chatbot_modelcall_purpose",
            ),
        ),
        migrations.AddIndex(
            model_name="questiontrace",
            index=models.Index(fields=["asked_at"], name="chatbot_questiontrace_asked"),
        ),
        migrations.AddConstraint(
            model_name="questiontrace",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason__in", ["", "refused", "unsupported", "thumbs_down", "handed_over"])),
                name="chatbot_questiontrace_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="questiontrace",
            constraint=models.CheckConstraint(
                condition=models.Q(("group", None), ("grouped_at__isnull", False), _connector="OR"),
                name="chatbot_questiontrace_grouped",
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(fields=["status", "first_response_due_at"], name="chatbot_ticket_due"),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["new", "in_progress", "waiting_customer", "resolved", "closed"])),
                name="chatbot_ticket_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__in", ["urgent", "high", "medium", "low"])),
                name="chatbot_ticket_priority",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reason__in", ["asked", "missing_knowledge", "thumbs_down", "low_support", "staff", "contact"])
                ),
                name="chatbot_ticket_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(("topic__in", ["AI", "GDPR", "NIS2", "CYBERSECURITY", "GENERAL"])),
                name="chatbot_ticket_topic",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "closed"), _negated=True),
                fields=("conversation",),
                name="chatbot_ticket_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticketmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["customer", "staff", "note"])), name="chatbot_ticketmessage_kind"
            ),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                condition=models.Q(("next_try_at__isnull", False)), fields=["next_try_at"], name="chatbot_document_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_try_at__isnull", False), ("state__in", ("pending", "running"))),
                    models.Q(models.Q(("state__in", ("pending", "running")), _negated=True), ("next_try_at", None)),
                    _connector="OR",
                ),
                name="chatbot_document_waits",
            ),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["pending", "running", "done", "failed"])),
                name="chatbot_document_state",
            ),
        ),
        migrations.RunSQL(STORE, AS_BEFORE),
        migrations.RunPython(add_prices, migrations.RunPython.noop),
    ]
