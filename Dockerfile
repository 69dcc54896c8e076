# One image for web, worker and beat; deploy/entrypoint.sh chooses by its first argument.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements/production.txt requirements/schemas.txt /tmp/
RUN /opt/venv/bin/pip install --require-hashes --no-deps -r /tmp/production.txt -r /tmp/schemas.txt

FROM python:3.13-slim
RUN useradd --create-home --uid 10001 app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY --chown=app:app manage.py ./
COPY --chown=app:app deploy deploy
COPY --chown=app:app config config
COPY --chown=app:app core core
COPY --chown=app:app notifications notifications
COPY --chown=app:app accounts accounts
COPY --chown=app:app invoicing invoicing
COPY --chown=app:app billing billing
COPY --chown=app:app chatbot chatbot
COPY --chown=app:app templates templates
COPY --chown=app:app static static
COPY --chown=app:app locale locale
COPY --chown=app:app docs/invoice-draft.schema.json docs/
# the keys are asked for at start, not needed to gather static files
RUN SECRET_KEY=build-only-build-only-build-only-build JWT_SECRET_KEY=build-only-build-only-build-only-build \
    AUDIT_HMAC_KEY=build-only-build-only-build-only-build SITE_URL=https://build.invalid \
    python manage.py collectstatic --noinput --verbosity 0 && mkdir -p var && chown -R app:app staticfiles var
USER app
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=3)"
ENTRYPOINT ["deploy/entrypoint.sh"]
CMD ["web"]
