"""Registry of mail providers: everything the project knows about one provider. Pure.

To add a provider, add one entry to `PROVIDERS`. django-anymail sends through a provider, verifies
and parses its webhooks; an entry holds only details that anymail leaves open. A provider without
an entry works with the defaults of `Provider`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """Meaning of a provider's own word for a failed or refused message."""

    HARD = "hard"  # the address does not exist
    SOFT = "soft"
    COMPLAINT = "complaint"
    UNSUBSCRIBED = "unsubscribed"
    NOTHING = "nothing"  # an automatic report, not made by a person


class ErrorKind(StrEnum):
    """Meaning of an error that a provider's API returns by name; see `delivery.outcomes.Kind`."""

    THROTTLED = "throttled"
    REFUSED = "refused"
    BROKEN = "broken"


HARD, SOFT, COMPLAINT, UNSUBSCRIBED, NOTHING = Verdict
THROTTLED, REFUSED, BROKEN = ErrorKind
Path = tuple[str, ...]
ANY = "*"  # in a path: the first value, with any key; in a rule: any other value
BounceRule = tuple[Path, Mapping[object, Verdict]]
"""A place in a provider's event, and the meaning of the values found there."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Known details of one mail provider."""

    name: str
    """django-anymail's name of the backend, such as amazon_ses."""

    label: str
    """The provider's name as people write it, such as Amazon SES; anymail's `esp_name`."""

    rate: int = 0
    """Messages per second for all workers together; 0 if no limit is published."""

    connections: int = 8
    """Connections per worker process; more than one, since each call waits for a response."""

    signing_setting: str = ""
    """The setting with the key that verifies webhook signatures, without ANYMAIL_; empty if the
    provider does not sign and needs ANYMAIL_WEBHOOK_SECRET."""

    signed_time: Callable[[Any], object] | None = None
    """Return the Unix time that is signed with a webhook request; None if there is none."""

    signs_token_only: bool = False
    """The signature covers a token but not the event: one token is one event."""

    refuses_replays: bool = False
    """An event ID belongs to one signed request: the same ID again is a replay. Other providers
    repeat an event when our response was lost, which changes nothing."""

    bounce_rules: tuple[BounceRule, ...] = ()
    """The first rule whose place holds a known value decides. Values such as "suppressed" are
    addresses that the provider no longer sends to after a bounce or complaint. Values not listed
    are left to anymail's classification and to the words of the response."""

    errors: Mapping[str | int, ErrorKind] = field(default_factory=dict)
    """Names or numbers of API errors that say more than the HTTP status code."""

    def bounce_verdict(self, event: object) -> Verdict | None:
        """Return the meaning of an event as parsed from JSON; None if no rule knows it."""
        for path, meanings in self.bounce_rules:
            value = _value_at(event, path)
            if isinstance(value, str | bool | int) and (
                verdict := meanings.get(value) or meanings.get(ANY)
            ):
                return verdict
        return None


def _value_at(event: Any, path: Path) -> object:
    for key in path:
        if not isinstance(event, Mapping) or not event:
            return None
        event = next(iter(event.values())) if key == ANY else event.get(key)
    return event


def _mailgun_signed_time(request: Any) -> object:
    if request.content_type != "application/json":
        return request.POST.get("timestamp")
    return json.loads(request.body)["signature"]["timestamp"]


def _sendgrid_signed_time(request: Any) -> object:
    return request.headers.get("X-Twilio-Email-Event-Webhook-Timestamp", "")


# Reports made by machines (RFC 6591), and the opposite of a complaint (RFC 6430).
_NO_COMPLAINT: Mapping[object, Verdict] = {"auth-failure": NOTHING, "not-spam": NOTHING}

AMAZON_SES = Provider(
    "amazon_ses",
    "Amazon SES",
    rate=14,  # the initial limit of accounts outside the sandbox
    refuses_replays=True,
    bounce_rules=(
        (("bounce", "bounceType"), {"Permanent": HARD, ANY: SOFT}),
        (("complaint", "complaintFeedbackType"), _NO_COMPLAINT),
    ),
    errors={  # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
        "AccountSuspendedException": BROKEN,
        "LimitExceededException": THROTTLED,
        "MailFromDomainNotVerifiedException": BROKEN,
        "MessageRejected": REFUSED,
        "SendingPausedException": BROKEN,
        "Throttling": THROTTLED,
        "ThrottlingException": THROTTLED,
        "TooManyRequestsException": THROTTLED,
    },
)
BREVO = Provider(
    "brevo",
    "Brevo",
    bounce_rules=((("event",), {"hard_bounce": HARD, "invalid_email": HARD, "soft_bounce": SOFT}),),
)
MAILERSEND = Provider(
    "mailersend",
    "MailerSend",
    rate=2,  # 120 requests per minute
    connections=1,
    signing_setting="MAILERSEND_SIGNING_SECRET",
    bounce_rules=((("data", "type"), {"hard_bounced": HARD, "soft_bounced": SOFT}),),
)
MAILGUN = Provider(
    "mailgun",
    "Mailgun",
    signing_setting="MAILGUN_WEBHOOK_SIGNING_KEY",
    signed_time=_mailgun_signed_time,
    signs_token_only=True,
    refuses_replays=True,
    bounce_rules=(
        (
            ("event-data", "reason"),
            {
                "suppress-bounce": HARD,
                "suppress-complaint": COMPLAINT,
                "suppress-unsubscribe": UNSUBSCRIBED,
            },
        ),
        (("event-data", "delivery-status", "bounce-type"), {"soft": SOFT}),
        # Webhooks as they were until 2018; 605 and 607 mean an earlier bounce or complaint.
        (("code",), {"605": HARD, "607": COMPLAINT}),
    ),
)
MAILJET = Provider(
    "mailjet",
    "Mailjet",
    bounce_rules=(
        (
            ("error",),
            {
                "user unknown": HARD,
                "invalid domain": HARD,
                "no mail host": HARD,
                "spam reporter": COMPLAINT,
                "quota exceeded": SOFT,
                "relay/access denied": SOFT,
                "greylisted": SOFT,
                "sender blocked": SOFT,
                "content blocked": SOFT,
                "policy issue": SOFT,
            },
        ),
        (("hard_bounce",), {True: HARD, "true": HARD, "True": HARD, ANY: SOFT}),
    ),
)
MAILTRAP = Provider(
    "mailtrap",
    "Mailtrap",
    signing_setting="MAILTRAP_TRACKING_SECRET",
    bounce_rules=((("event",), {"bounce": HARD}),),
)
MANDRILL = Provider(
    "mandrill",
    "Mandrill",
    signing_setting="MANDRILL_WEBHOOK_KEY",
    bounce_rules=((("event",), {"hard_bounce": HARD, "soft_bounce": SOFT}),),
    errors={  # the HTTP status is always 500; https://mailchimp.com/developer/transactional/api/
        "Invalid_Key": BROKEN,
        "PaymentRequired": BROKEN,
        "Unknown_Subaccount": BROKEN,
        "ValidationError": REFUSED,
    },
)
POSTAL = Provider("postal", "Postal", signing_setting="POSTAL_WEBHOOK_KEY")
POSTMARK = Provider(
    "postmark",
    "Postmark",
    bounce_rules=(
        (("RecordType",), {"SpamComplaint": COMPLAINT}),
        (
            ("Type",),  # SpamNotification comes from a filter, not from a person
            {"HardBounce": HARD, "BadEmailAddress": HARD, "SpamComplaint": COMPLAINT, ANY: SOFT},
        ),
        (("SuppressionReason",), {"HardBounce": HARD}),
    ),
    errors={  # https://postmarkapp.com/developer/api/overview#error-codes
        10: BROKEN,  # bad or missing token
        300: REFUSED,  # invalid address
        400: BROKEN,  # sender signature not found
        401: BROKEN,  # sender signature not confirmed
        405: BROKEN,  # out of credit
        406: REFUSED,  # inactive recipient
        412: BROKEN,  # account pending approval
    },
)
RESEND = Provider(
    "resend",
    "Resend",
    rate=2,  # per team
    connections=1,
    signing_setting="RESEND_SIGNING_SECRET",
    refuses_replays=True,
    bounce_rules=((("data", "bounce", "type"), {"Permanent": HARD, ANY: SOFT}),),
)
SENDGRID = Provider(
    "sendgrid",
    "SendGrid",
    signing_setting="SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY",
    signed_time=_sendgrid_signed_time,
    bounce_rules=(
        (
            ("bounce_classification",),
            {
                "Content": SOFT,
                "Frequency/Volume": SOFT,
                "Frequency or Volume Too High": SOFT,
                "Reputation": SOFT,
                "Technical": SOFT,
                "Technical Failure": SOFT,
            },
        ),
        (
            ("reason",),
            {
                "Bounced Address": HARD,
                "Invalid": HARD,
                "Spam Reporting Address": COMPLAINT,
                "Unsubscribed Address": UNSUBSCRIBED,
            },
        ),
        (("type",), {"bounce": HARD, ANY: SOFT}),
    ),
)
SPARKPOST = Provider(
    "sparkpost",
    "SparkPost",
    bounce_rules=(
        (("msys", ANY, "bounce_class"), {"10": HARD, "30": HARD, "90": UNSUBSCRIBED, ANY: SOFT}),
        (("msys", ANY, "fb_type"), _NO_COMPLAINT),
    ),
)
UNISENDER_GO = Provider(
    "unisender_go",
    "Unisender Go",
    signing_setting="UNISENDER_GO_API_KEY",
    bounce_rules=(
        (("status",), {"spam": COMPLAINT}),
        (
            ("delivery_info", "delivery_status"),
            {
                "err_user_unknown": HARD,
                "err_user_inactive": HARD,
                "err_domain_inactive": HARD,
                "err_unsubscribed": UNSUBSCRIBED,
                ANY: SOFT,
            },
        ),
    ),
)
PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        *(AMAZON_SES, BREVO, MAILERSEND, MAILGUN, MAILJET, MAILTRAP, MANDRILL, POSTAL, POSTMARK),
        *(RESEND, SENDGRID, SPARKPOST, UNISENDER_GO),
        replace(BREVO, name="sendinblue", label="SendinBlue"),  # Brevo's name until 2023
    )
}
SMTP = Provider("", "", connections=1)


def find_provider(name: str) -> Provider:
    """Return the provider with this name or label, in any case; one with defaults if unknown.

    >>> find_provider("Amazon SES") is find_provider("amazon_ses") is AMAZON_SES
    True
    """
    key = name.lower().replace(" ", "_")
    if not key:
        return SMTP
    return PROVIDERS.get(key) or Provider(key, key.replace("_", " ").title())


def find_error(name: str | int) -> ErrorKind | None:
    """Return the meaning of an API error by its name or number, from any provider."""
    tables = (provider.errors for provider in PROVIDERS.values())
    return next((errors[name] for errors in tables if name in errors), None)
