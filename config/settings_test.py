"""Settings of the test suite: production's, with a fast password hasher and no shared state between workers."""

import os

# strict as in production: what only works with DEBUG must not pass here
os.environ["READ_ENV_FILES"] = "False"
os.environ.setdefault("DEBUG", "False")
os.environ.setdefault("SITE_URL", "http://testserver")
if redis_url := os.environ.get("REDIS_URL"):
    # a database each, the last one for the journeys beside: the clean start of one test must not empty another's limits
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw15").removeprefix("gw")
    os.environ["REDIS_URL"] = f"{redis_url.rpartition('/')[0]}/{worker}"
for name in ("SECRET_KEY", "JWT_SECRET_KEY", "AUDIT_HMAC_KEY"):
    os.environ.setdefault(name, f"test-{name}-test-test-test-test-test")
for name, value in {
    "SELLER_VAT_NUMBER": "11847200968",
    "SELLER_STREET": "Via Solferino 36",
    "SELLER_POSTCODE": "20121",
    "SELLER_CITY": "Milano",
    "SELLER_PROVINCE": "MI",
    "SELLER_REA_OFFICE": "MI",
    "SELLER_REA_NUMBER": "2098417",
    "SELLER_SHARE_CAPITAL": "50000.00",
}.items():
    os.environ.setdefault(name, value)

from config.settings import *  # noqa: E402, F403 -- the suite tests the real settings

# argon2id at its real cost is measured in bench/; here it would be most of the suite's time
PASSWORD_HASHERS = ["tests.hashers.FastArgon2PasswordHasher"]
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
LOG_FORMAT = "text"
