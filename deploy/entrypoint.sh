#!/bin/sh
# web | worker | slow | beat | migrate | manage ARGUMENTS…
set -eu
case "${1:-web}" in
web)
    python manage.py check --deploy --fail-level ERROR
    # one uvicorn worker per core; a stream is an async generator, so few workers hold many
    # no address is believed here: X-Forwarded-* is read by the application, as far as TRUSTED_PROXY_COUNT says
    exec gunicorn config.asgi:application --worker-class uvicorn_worker.UvicornWorker --bind 0.0.0.0:8000 \
        --workers "${WEB_CONCURRENCY:-2}" --graceful-timeout 30 --timeout 60 --max-requests 5000 --max-requests-jitter 500 \
        --forwarded-allow-ips=''
    ;;
worker) DATABASE_POOL_SIZE=0 exec celery --quiet --app config worker --queues default --concurrency "${WORKER_CONCURRENCY:-2}" --loglevel INFO ;;
slow) DATABASE_POOL_SIZE=0 exec celery --quiet --app config worker --queues slow --concurrency 1 --loglevel INFO ;;
beat) exec celery --quiet --app config beat --pidfile= --loglevel INFO ;;
# as the tables' owner, and then their rights for the role that the others work as
migrate) python manage.py migrate --noinput && exec python manage.py grant_app_role ;;
manage) shift; exec python manage.py "$@" ;;
*) exec "$@" ;;
esac
