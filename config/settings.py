"""Django's settings, read from environment variables; docs/configuration.md lists them.

With an empty environment Paperboy runs locally: DEBUG on, embedded PostgreSQL and Redis in .data/,
and mail to a local outbox. Production means DEBUG=0, and the required variables must be set. Wrong
values end the start with one line each (config.environment).
"""

from __future__ import annotations

import logging
import os
import re
from datetime import date, timedelta
from email.utils import formataddr, parseaddr
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from django.core.management.utils import get_random_secret_key

from config import logs, sentry
from config.environment import (
    add_error,
    address,
    allowed_hosts,
    bind_address,
    celery_url,
    choice,
    day,
    domain_rates,
    env,
    exit_on_errors,
    file,
    flag,
    host_names,
    integer,
    is_set,
    key,
    list_of,
    load_secret_files,
    networks,
    parse,
    rate_limits,
    refuse_bare_characters,
    report_misspelled,
    split_url,
    text,
    url,
)
from config.providers import find_provider

BASE_DIR = Path(__file__).resolve().parent.parent
HAS_DEVTOOLS = find_spec("devtools") is not None  # not in the production image


def required(name: str, value: Any, hint: str) -> Any:
    """Return the value; report an empty one if DEBUG is off."""
    if not DEBUG and not value:
        add_error(name, f"must be set when DEBUG is off. {hint}")
    return value


def uses_embedded(name: str, hint: str) -> bool:
    """Return whether devtools stands in for a server that is not given; report if it can't."""
    required(name, is_set(name), hint)
    if not is_set(name) and not HAS_DEVTOOLS:
        add_error(name, f"must be set: no embedded server is installed here. {hint}")
    return HAS_DEVTOOLS and not is_set(name)


def local_secret_key(data: Path) -> str:
    """Return this machine's secret key, so that local links survive a restart."""
    path = data / "secret_key"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        path.write_text(get_random_secret_key())
        path.chmod(0o600)
    return path.read_text().strip()


SECRETS = (
    *("SECRET_KEY", "SECRET_KEY_FALLBACKS", "SUPPRESSION_KEY", "DATABASE_URL", "REDIS_URL"),
    *("EMAIL_URL", "BOUNCE_MAILBOX_URL", "METRICS_TOKEN", "SENTRY_DSN", "ZOTERO_CLIENT_SECRET"),
)
_anymail = [name[:-5] for name in os.environ if re.fullmatch("ANYMAIL_.+_FILE", name)]
load_secret_files((*SECRETS, *_anymail))

# --- Environment --------------------------------------------------------------------------
DEBUG = flag("DEBUG", True)
DATA_DIR = Path(text("DATA_DIR", str(BASE_DIR / ".data"))).resolve()
SITE_URL = text("SITE_URL", "http://127.0.0.1:8000" if DEBUG else "").rstrip("/")
required("SITE_URL", SITE_URL, "The address readers see, such as https://paperboy.example.org")
_site = split_url(SITE_URL)
SITE_HOST = (_site and _site.hostname) or ""
if _site is None or _site.scheme not in (("http", "https") if DEBUG else ("https",)):
    add_error("SITE_URL", f"{SITE_URL!r} must start with https:// (http:// only with DEBUG on).")
elif not SITE_HOST:
    add_error("SITE_URL", f"{SITE_URL!r} holds no host name.")
elif _site.path or _site.query or _site.fragment or _site.username:
    add_error("SITE_URL", f"{SITE_URL!r} must be a scheme and a host, with nothing after it.")
ALLOWED_HOSTS = allowed_hosts("ALLOWED_HOSTS", [SITE_HOST] if SITE_HOST else [])
ALLOWED_HOSTS += ["127.0.0.1"]  # health checks; links never use the Host header
if DEBUG:
    ALLOWED_HOSTS += ["localhost", "[::1]"]
SECRET_KEY: str = required("SECRET_KEY", key("SECRET_KEY"), "A long random string; keep it secret.")
if DEBUG and not SECRET_KEY:
    SECRET_KEY = local_secret_key(DATA_DIR)
SECRET_KEY_FALLBACKS = list_of("SECRET_KEY_FALLBACKS")

# --- Site and operator --------------------------------------------------------------------
SITE_NAME = text("SITE_NAME", "Paperboy")  # on pages and in emails
if not SITE_NAME.isprintable() or len(SITE_NAME) > 60:
    add_error("SITE_NAME", "must be one line of at most 60 characters.")
POSTAL_ADDRESS = text("POSTAL_ADDRESS")  # in the footer of emails, where the law requires it
IMPRINT_URL = url(
    "IMPRINT_URL", ("https", "http"), "an address such as https://example.org/imprint"
)

# Warnings of `manage.py check` and the doctor that the operator has decided to ignore.
SILENCED_SYSTEM_CHECKS = list_of("SILENCED_SYSTEM_CHECKS")

# --- Django -------------------------------------------------------------------------------
INSTALLED_APPS = [
    "web.admin_site.PaperboyAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "anymail",
    "axes",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "web",
    "papers",
    "subscriptions",
    "operations",
    *(["devtools"] if HAS_DEVTOOLS else []),
]
MIDDLEWARE = [
    "operations.metrics.time_requests",
    "web.headers.security_headers",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    *(["whitenoise.middleware.WhiteNoiseMiddleware"] if not DEBUG else []),  # runserver has its own
    "web.outages.Outages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "web.language.SiteLanguage",
    "web.slashes.append_slash_to_posts",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.tasks.report_lost_hints",
    "django_otp.middleware.OTPMiddleware",
    "web.second_factor.require_second_factor",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # the last, as axes wants it
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "subscriptions.readers.challenge.challenge_offered",
                "subscriptions.readers.browser_sign_in.offered",
            ],
            "builtins": ["web.templatetags.site"],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"  # the default, and of everything that no reader sees
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOGIN_REDIRECT_URL = "admin:index"  # after a log-in without a valid `next`
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE = True, "Lax"
LANGUAGE_COOKIE_AGE = 365 * 86_400
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
]

# --- PostgreSQL and Redis -----------------------------------------------------------------
refuse_bare_characters("DATABASE_URL")
EMBEDDED_POSTGRES = uses_embedded("DATABASE_URL", "postgresql://user:password@host:5432/name")
EMBEDDED_REDIS = uses_embedded("REDIS_URL", "redis://host:6379/0")
if EMBEDDED_POSTGRES or EMBEDDED_REDIS:
    from devtools import embedded
if EMBEDDED_POSTGRES:
    os.environ["DATABASE_URL"] = embedded.postgres_url(DATA_DIR)
DATABASES: dict[str, dict[str, Any]] = {
    "default": parse(env.dj_db_url, "DATABASE_URL", {}, conn_max_age=60)
}
if EMBEDDED_POSTGRES:
    del os.environ["DATABASE_URL"]
if DATABASES["default"].get("ENGINE") != "django.db.backends.postgresql":
    add_error("DATABASE_URL", "only postgresql:// is supported.")
DATABASES["default"]["ENGINE"] = "config.postgresql"
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# A URL's query becomes connection options, but this one is a setting of Django. Prepared statements
# are off by default; the statement that claims messages uses one.
_options: dict[str, Any] = DATABASES["default"].setdefault("OPTIONS", {})
_pooled = bool(_options.pop("DISABLE_SERVER_SIDE_CURSORS", False))
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = _pooled
if not _pooled:
    _options.setdefault("prepare_threshold", 5)
refuse_bare_characters("REDIS_URL")
REDIS_URL = url(
    "REDIS_URL",
    ("redis", "rediss", "unix"),
    "redis://host:6379/0, rediss:// or unix://",
    embedded.redis_url(DATA_DIR) if EMBEDDED_REDIS else "",
)
REDIS_PATIENCE = 5  # seconds to connect and to answer; then Redis counts as down
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "paperboy",
        "OPTIONS": {
            "socket_timeout": REDIS_PATIENCE,
            "socket_connect_timeout": REDIS_PATIENCE,
        },
    }
}

# --- Mail ---------------------------------------------------------------------------------
# ANYMAIL_PROVIDER=postmark with ANYMAIL_POSTMARK_SERVER_TOKEN=... picks any django-anymail
# backend; EMAIL_URL=submission://user:password@host picks SMTP; neither, the local outbox.
ANYMAIL_PROVIDER = text("ANYMAIL_PROVIDER")
ANYMAIL: dict[str, Any] = {
    name.removeprefix("ANYMAIL_"): value
    for name, value in os.environ.items()
    # With an empty key anybody could make valid signatures.
    if name.startswith("ANYMAIL_")
    and name != "ANYMAIL_PROVIDER"
    and value.strip()
    and not name.endswith("_FILE")
}
if is_set("ANYMAIL_WEBHOOK_SECRET"):  # several during a change of secrets
    ANYMAIL["WEBHOOK_SECRET"] = list_of("ANYMAIL_WEBHOOK_SECRET")
    if not all(0 < pair.find(":") < len(pair) - 1 for pair in ANYMAIL["WEBHOOK_SECRET"]):
        add_error(
            "ANYMAIL_WEBHOOK_SECRET", "must be user:password, or several separated by commas."
        )
SMTP_HINT = "submission://user:password@host (STARTTLS), smtp://host?ssl=1 or smtp://host"
OUTBOX_DIR = DATA_DIR / "outbox"
EMAIL_TIMEOUT = 30
refuse_bare_characters("EMAIL_URL")
SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
_smtp: dict[str, Any] = parse(env.dj_email_url, "EMAIL_URL", {})
if _smtp and _smtp.get("EMAIL_BACKEND") != SMTP_BACKEND:
    add_error("EMAIL_URL", f"must be {SMTP_HINT}.")
if ANYMAIL_PROVIDER:
    if not re.fullmatch("[a-z0-9_]+", ANYMAIL_PROVIDER) or not find_spec(
        f"anymail.backends.{ANYMAIL_PROVIDER}"
    ):
        add_error("ANYMAIL_PROVIDER", f"django-anymail has no backend named {ANYMAIL_PROVIDER!r}.")
    EMAIL_BACKEND = f"anymail.backends.{ANYMAIL_PROVIDER}.EmailBackend"
elif _smtp:
    EMAIL_BACKEND = SMTP_BACKEND
    EMAIL_HOST, EMAIL_PORT = _smtp["EMAIL_HOST"], _smtp["EMAIL_PORT"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _smtp["EMAIL_HOST_USER"], _smtp["EMAIL_HOST_PASSWORD"]
    EMAIL_USE_TLS, EMAIL_USE_SSL = _smtp["EMAIL_USE_TLS"], _smtp["EMAIL_USE_SSL"]
    EMAIL_TIMEOUT = _smtp["EMAIL_TIMEOUT"] or EMAIL_TIMEOUT
else:
    uses_embedded("EMAIL_URL", f"{SMTP_HINT}; or set ANYMAIL_PROVIDER.")
    EMAIL_BACKEND = "devtools.outbox.OutboxBackend"
DEFAULT_FROM_EMAIL = address(
    "DEFAULT_FROM_EMAIL", "paperboy@localhost.localdomain" if DEBUG else ""
)
required("DEFAULT_FROM_EMAIL", DEFAULT_FROM_EMAIL, "Such as paperboy@example.org.")
if not parseaddr(DEFAULT_FROM_EMAIL)[0]:  # a bare address gets the site's name
    DEFAULT_FROM_EMAIL = formataddr((SITE_NAME, parseaddr(DEFAULT_FROM_EMAIL)[1]))
MAIL_DOMAIN = parseaddr(DEFAULT_FROM_EMAIL)[1].partition("@")[2]
UNSUBSCRIBE_EMAIL = address("UNSUBSCRIBE_EMAIL", f"unsubscribe@{MAIL_DOMAIN}")
BOUNCE_EMAIL = address("BOUNCE_EMAIL", "")
if len(BOUNCE_EMAIL.partition("@")[0]) > 30:  # 34 more make the 64 of RFC 5321
    add_error("BOUNCE_EMAIL", f"{BOUNCE_EMAIL!r} has more than 30 characters before the @.")
refuse_bare_characters("BOUNCE_MAILBOX_URL")
BOUNCE_MAILBOX_URL = url(
    "BOUNCE_MAILBOX_URL",
    ("imaps", "imap"),
    "imaps://user:password@host/INBOX (imap:// for STARTTLS)",
)
CONTACT_EMAIL = address("CONTACT_EMAIL", parseaddr(DEFAULT_FROM_EMAIL)[1])
OPERATOR_EMAIL = address("OPERATOR_EMAIL", CONTACT_EMAIL)
ALLOW_PRIVATE_SOURCES = flag("ALLOW_PRIVATE_SOURCES", False)
SECONDS_BETWEEN_REQUESTS = integer("SECONDS_BETWEEN_REQUESTS", 1, 0, 60)
USER_AGENT = f"Paperboy/0.1 (+{SITE_URL}; mailto:{CONTACT_EMAIL})"

# --- Zotero -------------------------------------------------------------------------------
ZOTERO_CLIENT_KEY = text("ZOTERO_CLIENT_KEY")  # of https://www.zotero.org/oauth/apps
ZOTERO_CLIENT_SECRET = text("ZOTERO_CLIENT_SECRET")
if bool(ZOTERO_CLIENT_KEY) != bool(ZOTERO_CLIENT_SECRET):
    add_error("ZOTERO_CLIENT_SECRET", "must be set together with ZOTERO_CLIENT_KEY, or neither.")
_web = ("https", "http")
ZOTERO_API_URL = url(
    "ZOTERO_API_URL", _web, "an address such as https://api.zotero.org", "https://api.zotero.org"
).rstrip("/")
ZOTERO_OAUTH_URL = url(
    "ZOTERO_OAUTH_URL", _web, "an address of OAuth endpoints", "https://www.zotero.org/oauth"
).rstrip("/")

# --- Digests and requested mails ----------------------------------------------------------
LOOKBACK_DAYS = integer("LOOKBACK_DAYS", 7, 1, 31)
STARTER_LEXICON = file(
    "STARTER_LEXICON",
    "manage.py learn_starter makes one.",
    default=str(BASE_DIR / "papers" / "vectors" / "starter.npz"),
)  # empty: learn from the installation's own papers only
DIGEST_CUTOFF = timedelta(hours=integer("DIGEST_CUTOFF_HOURS", 10, 1, 23))
# Whether editions that no curator approved in time are sent or held. The deadline is in hours after
# the day begins in UTC; -14 is when it begins in the first time zone of the world.
UNAPPROVED_EDITIONS = choice("UNAPPROVED_EDITIONS", "send", ("send", "hold"))
APPROVE_BY = timedelta(hours=integer("APPROVE_BY_HOUR", -14, -14, 23))
DIGEST_SPREAD = timedelta(minutes=integer("DIGEST_SPREAD_MINUTES", 0, 0, 59))
SUBSCRIBERS_PER_TASK = 200  # one SQL round and one matrix product serve them all
CONFIRMATION_COOLDOWN = timedelta(minutes=integer("CONFIRMATION_COOLDOWN_MINUTES", 20, 1, 10080))
LINK_COOLDOWN = timedelta(seconds=integer("LINK_COOLDOWN_SECONDS", 60, 1, 86_400))
LINKS_PER_HOUR = integer("LINKS_PER_HOUR", 3, 1, 1000)  # per kind and reader
PENDING_EXPIRES = timedelta(days=integer("PENDING_EXPIRES_DAYS", 7, 1, 90))

# --- Bounces and provider events ----------------------------------------------------------
SUPPRESSION_KEY = key("SUPPRESSION_KEY", SECRET_KEY)
SOFT_BOUNCES = integer("SOFT_BOUNCES", 3, 1, 100)
SOFT_BOUNCES_OF = integer("SOFT_BOUNCES_OF", 5, SOFT_BOUNCES, 100)
# At least the lifetime of a confirmation link: an old link must not lift the suppression.
BOUNCE_SUPPRESSION = timedelta(days=integer("BOUNCE_SUPPRESSION_DAYS", 90, 7, 3650))
EVENT_MAX_AGE = timedelta(days=integer("EVENT_MAX_AGE_DAYS", 7, 1, 365))
# Longer than EVENT_MAX_AGE: a deleted event must not be recorded again.
EVENTS_KEPT = timedelta(days=integer("EVENTS_KEPT_DAYS", 30, EVENT_MAX_AGE.days + 1, 3650))
DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000_000  # a provider's batch of some thousand events

# --- Send rates and retries ---------------------------------------------------------------
_provider = find_provider(ANYMAIL_PROVIDER)
MAIL_CONNECTIONS = integer(
    "MAIL_CONNECTIONS", _provider.connections, 1, 64
)  # per worker process, one thread each
SEND_RATE = integer(
    "SEND_RATE", _provider.rate, 0, 100_000
)  # messages per second for all workers; 0: no limit
DOMAIN_RATES = domain_rates("DOMAIN_RATES")
WARM_UP_FROM: date | None = day("WARM_UP_FROM")
WARM_UP_FIRST_DAY = integer("WARM_UP_FIRST_DAY", 500, 1, 10_000_000)
WARM_UP_GROWTH_PERCENT = integer("WARM_UP_GROWTH_PERCENT", 50, 0, 1000)
FIRST_RETRY = timedelta(seconds=integer("FIRST_RETRY_SECONDS", 60, 1, 3600))
RECOVER_AFTER = timedelta(seconds=integer("RECOVER_AFTER_SECONDS", 180, 1, 3600))
# Longer than any delivery takes: the worker that claimed the message is gone.
UNCERTAIN_AFTER = timedelta(seconds=integer("UNCERTAIN_AFTER_SECONDS", 600, 180, 86_400))

# --- Tasks --------------------------------------------------------------------------------
CELERY_BROKER_URL = celery_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": REDIS_PATIENCE,
    "socket_connect_timeout": REDIS_PATIENCE,
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # a long chunk must not delay others
CELERY_TASK_ACKS_LATE = True  # PostgreSQL, not the message, records the work that is left
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "ingest"
CELERY_TASK_ROUTES = {
    "papers.*": {"queue": "ingest"},
    "operations.*": {"queue": "ingest"},
    "subscriptions.tasks.send_messages": {"queue": "urgent"},
    "subscriptions.tasks.send_messages_to": {"queue": "urgent"},
    "subscriptions.tasks.recover_messages": {"queue": "urgent"},
    "subscriptions.tasks.watch_sign_ups": {"queue": "urgent"},
    "subscriptions.tasks.watch_editions": {"queue": "urgent"},
    "subscriptions.tasks.deliver_digests": {"queue": "mail"},
    "subscriptions.tasks.import_author": {"queue": "ingest"},
    "subscriptions.tasks.refresh_zotero": {"queue": "ingest"},
    "subscriptions.tasks.refresh_zotero_account": {"queue": "ingest"},
    "subscriptions.tasks.upload_to_zotero": {"queue": "ingest"},
    "subscriptions.tasks.upload_kept_papers": {"queue": "ingest"},
    "subscriptions.tasks.read_bounces": {"queue": "ingest"},
    "subscriptions.tasks.forget_events": {"queue": "ingest"},
    "subscriptions.*": {"queue": "build"},
}
CELERY_BEAT_SCHEDULE = {
    "record that beat is running": {
        "task": "operations.tasks.record_beat",
        "schedule": timedelta(minutes=1),
    },
    "fetch due sources": {
        "task": "papers.tasks.fetch_due_sources",
        "schedule": timedelta(minutes=1),
    },
    "update trending scores": {
        "task": "papers.tasks.score_papers",
        "schedule": timedelta(minutes=15),
    },
    "fetch thumbnails of trending papers": {
        "task": "papers.tasks.fetch_thumbnails",
        "schedule": crontab(minute="10,40"),
    },
    "learn the lexicon from new papers": {
        "task": "papers.tasks.learn_lexicon",
        "schedule": crontab(hour="4", minute="15"),
    },
    "index new papers": {
        "task": "papers.tasks.index_papers",
        "schedule": timedelta(minutes=1),
    },
    "count reactions": {
        "task": "subscriptions.tasks.count_reactions",
        "schedule": timedelta(minutes=15),
    },
    "link kept papers": {
        "task": "subscriptions.tasks.link_kept_papers",
        "schedule": crontab(minute="25"),
    },
    "learn the forecast": {
        "task": "papers.tasks.learn_forecast",
        "schedule": crontab(hour="4", minute="5"),
    },
    "backfill missed days of arXiv lists": {
        "task": "papers.tasks.fill_missed_days",
        "schedule": crontab(hour="7,19", minute="40"),
    },
    "fetch accepted proposals": {
        "task": "papers.tasks.bring_in_accepted",
        "schedule": timedelta(minutes=1),
    },
    "delete old source checks": {
        "task": "papers.tasks.forget_checks",
        "schedule": crontab(hour="3", minute="50"),
    },
    "build due digests": {
        "task": "subscriptions.tasks.build_due_digests",
        "schedule": timedelta(minutes=1),
    },
    "recover digests": {
        "task": "subscriptions.tasks.recover_digests",
        "schedule": timedelta(seconds=30),
    },
    "recover messages": {
        "task": "subscriptions.tasks.recover_messages",
        "schedule": timedelta(seconds=30),
    },
    "alert the operator about editions": {
        "task": "subscriptions.tasks.watch_editions",
        "schedule": timedelta(minutes=5),
    },
    "resume interrupted imports": {
        "task": "subscriptions.tasks.resume_imports",
        "schedule": timedelta(minutes=2),
    },
    "close finished editions": {
        "task": "subscriptions.tasks.close_editions",
        "schedule": timedelta(hours=1),
    },
    "settle waiting events": {
        "task": "subscriptions.tasks.catch_up_with_events",
        "schedule": timedelta(minutes=5),
    },
    "delete old events": {
        "task": "subscriptions.tasks.forget_events",
        "schedule": crontab(hour="3", minute="45"),
    },
    "watch unconfirmed sign-ups": {
        "task": "subscriptions.tasks.watch_sign_ups",
        "schedule": timedelta(hours=1),
    },
    "delete old rows": {
        "task": "operations.tasks.delete_old_rows",
        "schedule": crontab(hour="2", minute="40"),
    },
    "offer fewer emails to quiet readers": {
        "task": "subscriptions.tasks.ask_quiet_readers",
        "schedule": crontab(hour="9", minute="20"),
    },
    "refresh examples from Zotero": {
        "task": "subscriptions.tasks.refresh_zotero",
        "schedule": timedelta(minutes=10),
    },
    "send kept papers to Zotero": {
        "task": "subscriptions.tasks.upload_to_zotero",
        "schedule": timedelta(minutes=3),
    },
    "delete unconfirmed sign-ups": {
        "task": "subscriptions.tasks.expire_pending",
        "schedule": crontab(hour="3", minute="30"),
    },
}
if BOUNCE_MAILBOX_URL:
    CELERY_BEAT_SCHEDULE["read the bounce mailbox"] = {
        "task": "subscriptions.tasks.read_bounces",
        "schedule": timedelta(minutes=5),
    }
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")

# --- Rate limits and abuse ----------------------------------------------------------------
# web.rate_limit: requests per hour from one network and in total; 0: no limit.
RATE_LIMITS = rate_limits(
    "RATE_LIMITS",
    {
        "signup": (60, 1000),
        "typed": (20, 0),  # one email address typed into the sign-up form
        "challenge": (600, 20_000),
        "link": (60, 1000),  # requests for a mailed link
        "preview": (1200, 20_000),
        "search": (1800, 60_000),
        "api": (3600, 100_000),
        "login": (60, 600),
        "mailed": (600, 0),  # per reader with a signed link; per network with an invalid one
        "upload": (60, 1000),
        "community": (300, 5000),
        "language": (600, 60_000),
    },
)
RESPONSE_STEP = 0.05  # seconds; web.rate_limit.constant_time
TRUSTED_PROXIES = networks("TRUSTED_PROXIES")  # whose X-Forwarded-For is trusted
EMAILS_PER_DAY = integer("EMAILS_PER_DAY", 6, 1, 1000)  # on request, to one mailbox
DISPOSABLE_DOMAINS_FILE = file("DISPOSABLE_DOMAINS_FILE", "one domain per line.")

CHALLENGE = choice("CHALLENGE", "", ("", "altcha"), "altcha, or empty for none")  # before a sign-up
CHALLENGE_COST = integer(
    "CHALLENGE_COST", 2000, 1, 1_000_000
)  # hash rounds per try; about 256 tries

# --- The admin's log-in -------------------------------------------------------------------
ADMIN_SECOND_FACTOR = flag("ADMIN_SECOND_FACTOR", False)
OTP_TOTP_ISSUER = SITE_NAME  # names the site in authenticator apps
AXES_FAILURE_LIMIT = integer("LOGIN_FAILURES", 5, 1, 100)
AXES_COOLOFF_TIME = timedelta(minutes=integer("LOGIN_COOLOFF_MINUTES", 30, 1, 10_080))
# Per account and address together: a stranger must not lock a curator out.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_HANDLER = "web.log_in_failures.LogInFailures"
AXES_CLIENT_IP_CALLABLE = "web.rate_limit.client_address"
AXES_LOCKOUT_CALLABLE = "web.log_in_failures.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # further attempts do not extend the lock
AXES_VERBOSE = AXES_ENABLE_ADMIN = False
OTP_ADMIN_HIDE_SENSITIVE_DATA = True

# --- Security -----------------------------------------------------------------------------
SECURE_REFERRER_POLICY = "same-origin"  # mailed links carry tokens
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_AGE = 12 * 3600  # only the admin has sessions
SIGN_IN_COOKIE_NAME = "reader"  # readers; see subscriptions.readers.browser_sign_in
CSRF_TRUSTED_ORIGINS = [SITE_URL]
if not DEBUG:
    SECURE_SSL_REDIRECT = flag("SECURE_SSL_REDIRECT", True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz(/[a-z]+)?$", r"^metrics$"]
    SECURE_HSTS_SECONDS = integer("SECURE_HSTS_SECONDS", 31_536_000, 0, 63_072_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    # The prefix prevents other hosts of the domain from setting them.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
    SIGN_IN_COOKIE_NAME = "__Host-reader"
    if flag("BEHIND_TLS_PROXY", False):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Monitoring ---------------------------------------------------------------------------
METRICS_TOKEN = text("METRICS_TOKEN")
SENTRY_DSN = text("SENTRY_DSN")
if reason := sentry.validate_dsn(SENTRY_DSN):
    add_error("SENTRY_DSN", reason)
DKIM_SELECTORS = host_names("DKIM_SELECTORS")  # looked up by the doctor

# --- Data retention (events: see above) ---------------------------------------------------
# Older days keep one observation each.
OBSERVATIONS_DENSE = timedelta(days=integer("OBSERVATIONS_DENSE_DAYS", 30, 3, 3650))
OBSERVATIONS_KEPT = timedelta(
    days=integer("OBSERVATIONS_KEPT_DAYS", 400, OBSERVATIONS_DENSE.days, 36_500)
)
# At least as long as papers count as sent; by default as long as links to a digest are valid.
DIGESTS_KEPT = timedelta(days=integer("DIGESTS_KEPT_DAYS", 400, 130, 36_500))
# Longer than messages may be retried and their events arrive.
MESSAGES_KEPT = timedelta(days=integer("MESSAGES_KEPT_DAYS", 90, 30, 36_500))
DOCUMENTS_KEPT = timedelta(days=integer("DOCUMENTS_KEPT_DAYS", 180, 30, 36_500))

# --- Logs ---------------------------------------------------------------------------------
LOG_FORMAT = choice("LOG_FORMAT", "line", logs.FORMATTERS)
LOGGING = logs.configuration(LOG_FORMAT, parse(env.log_level, "LOG_LEVEL", logging.INFO))

# --- The web server: config.gunicorn ------------------------------------------------------
WEB_PROCESSES = integer("WEB_PROCESSES", 2, 1, 256)
WEB_THREADS = integer("WEB_THREADS", 4, 1, 256)
WEB_BIND = bind_address("WEB_BIND", "0.0.0.0:8000")

report_misspelled()
exit_on_errors()
sentry.start(SENTRY_DSN, SITE_HOST)
