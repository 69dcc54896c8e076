from django.db import migrations
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q


def mark_articles(apps, _schema_editor):
    documents = apps.get_model("chatbot", "Document").objects
    of_tickets = apps.get_model("chatbot", "Ticket").objects.exclude(article=None).values("article")
    of_groups = apps.get_model("chatbot", "QuestionGroup").objects.exclude(article=None).values("article")
    of_feedback = Q(name__regex=r"^feedback-[0-9]+\.(it|en)\.md$")
    documents.filter(Q(pk__in=of_tickets) | Q(pk__in=of_groups) | of_feedback).update(is_article=True)


def count_working_time(apps, _schema_editor):
    """Pauses were kept in plain hours: of 168 in a week 45 are worked."""
    due = F("first_response_due_at")
    warned = ExpressionWrapper(F("created_at") + (due - F("created_at")) * 0.75, output_field=DateTimeField())
    worked = ExpressionWrapper(F("paused_for") * (45 / 168), output_field=DurationField())
    apps.get_model("chatbot", "Ticket").objects.update(warn_at=warned, paused_for=worked)


class Migration(migrations.Migration):
    dependencies = [("chatbot", "0014_working_hours")]

    operations = [
        migrations.RunPython(mark_articles, migrations.RunPython.noop),
        migrations.RunPython(count_working_time, migrations.RunPython.noop),
    ]
