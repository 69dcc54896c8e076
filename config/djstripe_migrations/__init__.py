"""dj-stripe's tables as they are now, in one step.

Its own migrations replay a history (2.10 dropped 519 columns) that costs a new database a minute of rendering models.
After an upgrade of dj-stripe `makemigrations djstripe` writes the next step here; `makemigrations --check` asks for it.
"""
