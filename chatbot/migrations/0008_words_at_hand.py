from django.db import migrations

# Ranking reads the words of every passage that has one of the question's: they stay in the row and uncompressed, where
# the text, read for the few passages found, goes outside. Passages read in before keep their old form until read again.
STORE = """
ALTER TABLE chatbot_chunk ALTER COLUMN text SET STORAGE EXTERNAL, ALTER COLUMN search SET STORAGE MAIN;
"""
AS_BEFORE = """
ALTER TABLE chatbot_chunk ALTER COLUMN text SET STORAGE EXTENDED, ALTER COLUMN search SET STORAGE EXTENDED;
"""


class Migration(migrations.Migration):
    dependencies = [("chatbot", "0007_question_ids")]

    operations = [migrations.RunSQL(STORE, AS_BEFORE)]
