"""Readers, topics, libraries, subscriptions, editions, emails and delivery events."""

from subscriptions.models.editions import (
    Edition,
    EditionQuerySet,
    OperatorAlert,
    Placement,
)
from subscriptions.models.library import (
    NOTE_LENGTH,
    TAG_LENGTH,
    LibraryEntry,
    LibraryEntryQuerySet,
    work_identity,
)
from subscriptions.models.mails import (
    DeliveryEvent,
    DeliveryEventQuerySet,
    Digest,
    DigestQuerySet,
    Mail,
    Message,
    MessageQuerySet,
)
from subscriptions.models.readers import (
    CLOCK_SKEW,
    Erasure,
    ReaderImport,
    SignIn,
    SignUpSwitch,
    Subscriber,
    SubscriberQuerySet,
    Suppression,
    SuppressionQuerySet,
)
from subscriptions.models.subscriptions import Subscription, SubscriptionQuerySet
from subscriptions.models.topics import (
    QUERY_LENGTH,
    TOPIC_CONTENT,
    TOPIC_NAME_LENGTH,
    TOPIC_TEXT_LENGTH,
    OpenedPaper,
    OpenedPaperQuerySet,
    Reaction,
    Topic,
)

__all__ = [
    "CLOCK_SKEW",
    "NOTE_LENGTH",
    "QUERY_LENGTH",
    "TAG_LENGTH",
    "TOPIC_CONTENT",
    "TOPIC_NAME_LENGTH",
    "TOPIC_TEXT_LENGTH",
    "DeliveryEvent",
    "DeliveryEventQuerySet",
    "Digest",
    "DigestQuerySet",
    "Edition",
    "EditionQuerySet",
    "Erasure",
    "LibraryEntry",
    "LibraryEntryQuerySet",
    "Mail",
    "Message",
    "MessageQuerySet",
    "OpenedPaper",
    "OpenedPaperQuerySet",
    "OperatorAlert",
    "Placement",
    "Reaction",
    "ReaderImport",
    "SignIn",
    "SignUpSwitch",
    "Subscriber",
    "SubscriberQuerySet",
    "Subscription",
    "SubscriptionQuerySet",
    "Suppression",
    "SuppressionQuerySet",
    "Topic",
    "work_identity",
]
