"""The least Django that answers: one view, no middleware, for `uvicorn bench.bare:application`.

`GET /?queries=N` asks the database N times and answers `bare`.
"""

import os

import environ
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {
        **environ.Env.db_url_config(os.environ["DATABASE_URL"]), "OPTIONS": {"pool": {"min_size": 1, "max_size": 8}},
    }},
    ROOT_URLCONF=__name__,
)  # fmt: skip


def show(request: HttpRequest) -> HttpResponse:
    for number in range(int(request.GET["queries"])):
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s", [number])
            cursor.fetchall()
    return HttpResponse("bare", headers={"Content-Length": "4"})  # without it uvicorn sends in pieces


urlpatterns = [path("", show)]
application = get_asgi_application()
