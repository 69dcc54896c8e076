"""All settings, read from the environment (`.env.example` lists every name), secrets also from `NAME_FILE`.

Unsafe defaults exist only with DEBUG=True. Whatever has its key switches itself on.
"""

from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.environment import Environment
from config.libraries import csp, passwords, rest_framework, stores, unfold
from core import logs
from invoicing.fatturapa.law import STAMP_NATURES

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()
if env.bool("READ_ENV_FILES", default=True):
    env.read_env(BASE_DIR / ".env")
    env.read_env(BASE_DIR / "var" / "run.env")  # there while start-dev.sh runs

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.secret("SECRET_KEY", debug=DEBUG)
JWT_SECRET_KEY = env.secret("JWT_SECRET_KEY", debug=DEBUG)
AUDIT_HMAC_KEY = env.secret("AUDIT_HMAC_KEY", debug=DEBUG)

# --- Site ---------------------------------------------------------------------------------------------------------
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000" if DEBUG else "").rstrip("/")
if not SITE_URL:
    raise ImproperlyConfigured("SITE_URL must be set, for instance https://www.example.it")
HTTPS = SITE_URL.startswith("https://")
_hosts = [urlsplit(SITE_URL).hostname, *(("localhost", "127.0.0.1") if DEBUG else ())]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=_hosts)
CSRF_TRUSTED_ORIGINS = [SITE_URL]
CSRF_FAILURE_VIEW = "config.views.csrf_failure"
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
ADMIN_PATH = env.str("ADMIN_PATH", default="admin").strip("/")
SANDBOX_URL = env.str("SANDBOX_URL", default="")
SUPPORT_EMAIL = env.str("SUPPORT_EMAIL", default="assistenza@aish.example")
SECURITY_CONTACT = env.str("SECURITY_CONTACT", default=f"mailto:{SUPPORT_EMAIL}")
STAFF_EMAIL = env.str("STAFF_EMAIL", default="")

INSTALLED_APPS = [
    "config",
    "chatbot",
    "billing",
    "invoicing",
    "accounts",
    "notifications",
    "core",
    "unfold.apps.BasicAppConfig",
    "config.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "corsheaders",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "djstripe",
    "drf_spectacular",
    "rest_framework",
]

MIDDLEWARE = [
    "core.web.headers.SecurityHeadersMiddleware",
    "core.web.middleware.RequestIdMiddleware",
    "core.web.middleware.PlainErrorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.ContentSecurityPolicyMiddleware",
    "chatbot.conversations.cors.EmbeddingMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.login.middleware.UserSessionMiddleware",
    "core.web.middleware.SignInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.web.middleware.PrivatePagesMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = None
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": [
                "core.templatetags.ui",
                "django.templatetags.i18n",
                "core.templatetags.fixed",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.site",
            ],
        },
    }
]

# --- Database, cache, sessions ------------------------------------------------------------------------------------
DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", default=0)
DATABASES = {"default": stores.database(env, DATABASE_POOL_SIZE)}
POSTGRES_APP_USER = env.str("POSTGRES_APP_USER", default="aish_app")  # for `grant_app_role`
POSTGRES_APP_PASSWORD = env.str("POSTGRES_APP_PASSWORD", default="")
REDIS_URL = stores.redis_url(env)
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {
            # with Redis away the cache is empty, not an error: sessions are read from the database
            "IGNORE_EXCEPTIONS": True,
            "SOCKET_CONNECT_TIMEOUT": 0.5,
            "SOCKET_TIMEOUT": 1,
        },
    }
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = False  # a traceback for each; `core.web.ratelimit` and /ready tell of it

SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
# without being used: a guest's cart, a customer's browser; then the longest that anybody stays signed in
SESSION_TTL_SECONDS = SESSION_COOKIE_AGE = env.int("SESSION_TTL_SECONDS", default=7 * 24 * 3600)
SESSION_ABSOLUTE_DAYS = env.int("SESSION_ABSOLUTE_DAYS", default=30)
STAFF_SESSION_IDLE_MINUTES = env.int("STAFF_SESSION_IDLE_MINUTES", default=60)
STAFF_SESSION_HOURS = env.int("STAFF_SESSION_HOURS", default=12)
COOKIE_PREFIX = "__Host-" if HTTPS else ""  # all others get it by `core.web.cookies`
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}session", f"{COOKIE_PREFIX}csrf"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}django_language"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"

MESSAGE_STORAGE = "core.web.cookies.MessageStorage"

# --- People -------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.login.backends.EmailBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = passwords.VALIDATORS
OTP_TOTP_ISSUER = "AI Strategy Hub"
LOGIN_URL = "accounts:log_in"
LOGIN_REDIRECT_URL = "config:show_area"
EMAIL_VERIFICATION_EXPIRE_HOURS = env.int("EMAIL_VERIFICATION_EXPIRE_HOURS", default=24)
PASSWORD_RESET_EXPIRE_HOURS = env.int("PASSWORD_RESET_EXPIRE_HOURS", default=1)
JWT_ACCESS_TOKEN_EXPIRE_MINUTES = env.int("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", default=15)
JWT_REFRESH_TOKEN_EXPIRE_DAYS = env.int("JWT_REFRESH_TOKEN_EXPIRE_DAYS", default=7)
RATE_LIMIT_PER_MINUTE = env.int("RATE_LIMIT_PER_MINUTE", default=60)
RATE_LIMIT_BURST = env.int("RATE_LIMIT_BURST", default=10)

# --- Language and time --------------------------------------------------------------------------------------------
LANGUAGE_CODE = "it"
LANGUAGES = [("it", "Italiano"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = "Europe/Rome"
USE_I18N = USE_TZ = True
USE_THOUSAND_SEPARATOR = False

# --- Files --------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = Path(env.str("UPLOAD_DIR", default=str(BASE_DIR / "var" / "uploads")))
MAX_UPLOAD_SIZE_MB = env.int("MAX_UPLOAD_SIZE_MB", default=10)
ALLOWED_EXTENSIONS = frozenset(
    env.list("ALLOWED_EXTENSIONS", default=["pdf", "docx", "doc", "txt", "md", "png", "jpg", "jpeg", "gif", "webp"])
)
DOCUMENTS_MAX_FILES = env.int("DOCUMENTS_MAX_FILES", default=100)
DOCUMENTS_MAX_MB = env.int("DOCUMENTS_MAX_MB", default=200)
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "core.web.uploads.BoundedUploadHandler",
]
FILE_UPLOAD_PERMISSIONS = 0o600

# --- Security -----------------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS and env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CORS_ALLOWED_ORIGINS = env.list("CORS_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/api/"
CORS_EXPOSE_HEADERS = ["X-Request-ID", "Retry-After"]

STRIPE_JS_URL = env.str("STRIPE_JS_URL", default="https://js.stripe.com/dahlia/stripe.js")
CONTENT_SECURITY_POLICY = csp.content_security_policy(STRIPE_JS_URL)

# --- API and back office ------------------------------------------------------------------------------------------
REST_FRAMEWORK = rest_framework.REST_FRAMEWORK
SPECTACULAR_SETTINGS = rest_framework.describe_api(LANGUAGES)
UNFOLD = unfold.UNFOLD

# --- Work in the background ---------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # else a worker's lines are neither JSON nor redacted
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_TIME_LIMIT = 600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "chatbot.ingest_*": {"queue": "slow"},
    "chatbot.look_at_*": {"queue": "slow"},
    "*.build_*": {"queue": "slow"},
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # a message is given to another worker after twice the longest task, and looked for every few seconds, not minutes
    "visibility_timeout": 2 * CELERY_TASK_TIME_LIMIT,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 0.5,
    "socket_timeout": 5,
    # whoever sends a message waits for one try only (by default kombu goes on for 6 s): the row is there anyway
    "max_retries": 0,
}
CELERY_TIMEZONE = TIME_ZONE

# --- Mail (Microsoft Graph) ---------------------------------------------------------------------------------------
MS_GRAPH_TENANT_ID = env.str("MS_GRAPH_TENANT_ID", default="")
MS_GRAPH_CLIENT_ID = env.str("MS_GRAPH_CLIENT_ID", default="")
MS_GRAPH_CLIENT_SECRET = env.str("MS_GRAPH_CLIENT_SECRET", default="")
MS_GRAPH_SENDER_EMAIL = env.str("MS_GRAPH_SENDER_EMAIL", default="")
MS_GRAPH_SENDER_NAME = env.str("MS_GRAPH_SENDER_NAME", default="AI Strategy Hub")
MS_GRAPH_AUTHORITY = env.str("MS_GRAPH_AUTHORITY", default="https://login.microsoftonline.com")
MS_GRAPH_ENDPOINT = env.str("MS_GRAPH_ENDPOINT", default="https://graph.microsoft.com/v1.0")
MS_GRAPH_CA_FILE = env.str("MS_GRAPH_CA_FILE", default="")
EMAIL_BACKEND = env.str(
    "EMAIL_BACKEND",
    default="notifications.backends.GraphBackend"
    if MS_GRAPH_CLIENT_ID
    else "django.core.mail.backends.console.EmailBackend",
)
DEFAULT_FROM_EMAIL = f"{MS_GRAPH_SENDER_NAME} <{MS_GRAPH_SENDER_EMAIL or SUPPORT_EMAIL}>"

# --- Payments (Stripe) --------------------------------------------------------------------------------------------
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="")
STRIPE_PUBLISHABLE_KEY = env.str("STRIPE_PUBLISHABLE_KEY", default="")
STRIPE_WEBHOOK_SECRETS = env.list("STRIPE_WEBHOOK_SECRET", default=[])  # two while one is being rotated
STRIPE_CURRENCY = env.str("STRIPE_CURRENCY", default="eur")
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="https://api.stripe.com")
STRIPE_API_VERSION = "2026-08-26.dahlia"  # said aloud: otherwise it moves with every patch of the SDK
STRIPE_LIVE_MODE = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))
STRIPE_LIVE_SECRET_KEY = STRIPE_SECRET_KEY if STRIPE_LIVE_MODE else ""
STRIPE_TEST_SECRET_KEY = "" if STRIPE_LIVE_MODE else STRIPE_SECRET_KEY
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
MIGRATION_MODULES = {"djstripe": "config.djstripe_migrations"}
VIES_URL = env.str("VIES_URL", default="https://ec.europa.eu/taxation_customs/vies")

# --- Invoices (FatturaPA, PEC, SDI) -------------------------------------------------------------------------------
SELLER_NAME = env.str("SELLER_NAME", default="AI Strategy Hub S.r.l.")
SELLER_VAT_NUMBER = env.str("SELLER_VAT_NUMBER", default="11847200968" if DEBUG else "")
SELLER_TAX_CODE = env.str("SELLER_TAX_CODE", default=SELLER_VAT_NUMBER)
SELLER_TAX_REGIME = env.str("SELLER_TAX_REGIME", default="RF01")
SELLER_STREET = env.str("SELLER_STREET", default="Via Solferino 36" if DEBUG else "")
SELLER_POSTCODE = env.str("SELLER_POSTCODE", default="20121" if DEBUG else "")
SELLER_CITY = env.str("SELLER_CITY", default="Milano" if DEBUG else "")
SELLER_PROVINCE = env.str("SELLER_PROVINCE", default="MI" if DEBUG else "")
SELLER_REA_OFFICE = env.str("SELLER_REA_OFFICE", default="MI" if DEBUG else "")
SELLER_REA_NUMBER = env.str("SELLER_REA_NUMBER", default="2098417" if DEBUG else "")
SELLER_SHARE_CAPITAL = env.str("SELLER_SHARE_CAPITAL", default="50000.00" if DEBUG else "")
INVOICE_CREDIT_NOTE_SERIES = env.str("INVOICE_CREDIT_NOTE_SERIES", default="NC")
INVOICE_CONSERVATORE = env.str("INVOICE_CONSERVATORE", default="")
INVOICE_STAMP_NATURES = env.list("INVOICE_STAMP_NATURES", default=sorted(STAMP_NATURES))
INVOICE_STAMP_CHARGE_TO_CUSTOMER = env.bool("INVOICE_STAMP_CHARGE_TO_CUSTOMER", default=False)
SDI_PEC_EMAIL = env.str("SDI_PEC_EMAIL", default="")
SDI_PEC_PASSWORD = env.str("SDI_PEC_PASSWORD", default="")
SDI_PEC_SMTP_HOST = env.str("SDI_PEC_SMTP_HOST", default="")
SDI_PEC_SMTP_PORT = env.int("SDI_PEC_SMTP_PORT", default=465)
SDI_PEC_IMAP_HOST = env.str("SDI_PEC_IMAP_HOST", default="")
SDI_PEC_IMAP_PORT = env.int("SDI_PEC_IMAP_PORT", default=993)
SDI_PEC_POLL_SECONDS = env.int("SDI_PEC_POLL_SECONDS", default=60)
SDI_PEC_CA_FILE = env.str("SDI_PEC_CA_FILE", default="")
SDI_PEC_SIGNER_CA_FILE = env.str("SDI_PEC_SIGNER_CA_FILE", default="")
INVOICE_SIGNER_CA_FILE = env.str("INVOICE_SIGNER_CA_FILE", default="")
SDI_PEC_RECIPIENT = env.str("SDI_PEC_RECIPIENT", default="sdi01@pec.fatturapa.it")
INVOICE_RECEIPT_ALERT_HOURS = env.int("INVOICE_RECEIPT_ALERT_HOURS", default=24)

# --- Assistant (Claude, embeddings) -------------------------------------------------------------------------------
ANTHROPIC_API_KEY = env.str("ANTHROPIC_API_KEY", default="")
ANTHROPIC_BASE_URL = env.str("ANTHROPIC_BASE_URL", default="https://api.anthropic.com")
CLAUDE_MODEL = env.str("CLAUDE_MODEL", default="claude-sonnet-4-6")
CLAUDE_REWRITE_MODEL = env.str("CLAUDE_REWRITE_MODEL", default="claude-haiku-5-5")
CLAUDE_MAX_TOKENS = env.int("CLAUDE_MAX_TOKENS", default=1024)
CLAUDE_MAX_SECONDS = env.int("CLAUDE_MAX_SECONDS", default=180)  # an answer that drips is cut off
CLAUDE_TEMPERATURE = env.float("CLAUDE_TEMPERATURE") if env.str("CLAUDE_TEMPERATURE", default="") else None
OPENAI_API_KEY = env.str("OPENAI_API_KEY", default="")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", default="https://api.openai.com/v1")
EMBEDDING_MODEL = env.str("EMBEDDING_MODEL", default="text-embedding-3-small")
# some embedding servers tell questions from passages; OpenAI's refuses the extra word
EMBEDDING_INPUT_TYPES = env.bool("EMBEDDING_INPUT_TYPES", default=False)
RAG_CHUNK_SIZE = env.int("RAG_CHUNK_SIZE", default=1000)
RAG_CHUNK_OVERLAP = env.int("RAG_CHUNK_OVERLAP", default=200)
RAG_TOP_K_RESULTS = env.int("RAG_TOP_K_RESULTS", default=5)
# Names that may be read though their addresses are private: an intranet, or a page of this very machine.
KNOWLEDGE_INTERNAL_HOSTS = env.list("KNOWLEDGE_INTERNAL_HOSTS", default=[])
CHAT_LINK_HOSTS = env.list("CHAT_LINK_HOSTS", default=[])
CHAT_QUESTIONS_PER_HOUR = env.int("CHAT_QUESTIONS_PER_HOUR", default=50)
SUPPORT_HOURS = env.str("SUPPORT_HOURS", default="09:00-18:00")
# for urgent, high, medium and low, in working hours: a working day to answer, one, two, five and ten to solve
TICKET_FIRST_RESPONSE_HOURS = env.list("TICKET_FIRST_RESPONSE_HOURS", cast=int, default=[1, 4, 9, 9])
TICKET_RESOLUTION_HOURS = env.list("TICKET_RESOLUTION_HOURS", cast=int, default=[9, 18, 45, 90])
CHAT_EMBED_ORIGINS = env.list("CHAT_EMBED_ORIGINS", default=[])

# --- Logs ---------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOG_FORMAT = env.str("LOG_FORMAT", default="text" if DEBUG else "json")
LOG_DIR = env.str("LOG_DIR", default="")
LOGGING_CONFIG = "core.logs.configure"
LOGGING = logs.configuration(LOG_LEVEL, LOG_FORMAT, LOG_DIR)
SENTRY_DSN = env.str("SENTRY_DSN", default="")
if SENTRY_DSN:
    import sentry_sdk

    sentry_sdk.init(dsn=SENTRY_DSN, **logs.sentry_options())
