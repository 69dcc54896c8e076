import django.db.models.deletion
import pgvector.django.halfvec
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chatbot", "0009_evaluation_runs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="QuestionGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("done_at", models.DateTimeField(null=True, verbose_name="done")),
                ("note", models.CharField(blank=True, max_length=500, verbose_name="what was done")),
                ("created_at", models.DateTimeField(verbose_name="first grouped")),
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
            ],
            options={
                "verbose_name": "trace of a question",
                "verbose_name_plural": "traces of questions",
            },
        ),
        migrations.RemoveConstraint(
            model_name="modelcall",
            name="chatbot_modelcall_purpose",
        ),
        migrations.AddField(
            model_name="assistantversion",
            name="reranks",
            field=models.BooleanField(
                default=False,
                help_text="The model that rewrites questions reads the best twenty passages and orders them: one more call.",
                verbose_name="puts passages in order",
            ),
        ),
        migrations.AlterField(
            model_name="modelcall",
            name="purpose",
            field=models.CharField(
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
        migrations.AddConstraint(
            model_name="modelcall",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["answer", "rewrite", "rerank", "trial"])),
                name="chatbot_modelcall_purpose",
            ),
        ),
        migrations.AddField(
            model_name="questiongroup",
            name="article",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="question_groups",
                to="chatbot.document",
                verbose_name="article",
            ),
        ),
        migrations.AddField(
            model_name="questiongroup",
            name="done_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="done by",
            ),
        ),
        migrations.AddField(
            model_name="questiontrace",
            name="answer",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="chatbot.message"
            ),
        ),
        migrations.AddField(
            model_name="questiontrace",
            name="group",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="questions",
                to="chatbot.questiongroup",
            ),
        ),
        migrations.AddField(
            model_name="questiontrace",
            name="near_chunk",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="chatbot.chunk"
            ),
        ),
        migrations.AddField(
            model_name="questiontrace",
            name="question",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="trace", to="chatbot.message"
            ),
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
    ]
