from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from subscriptions import tasks
from subscriptions.delivery.transports import django_message
from subscriptions.editions import digests
from subscriptions.mail import cards, digest_mail, suppression, transactional
from subscriptions.models import (
    DeliveryEvent,
    Digest,
    Erasure,
    Message,
    Reaction,
    SignUpSwitch,
    Subscriber,
    Subscription,
    Suppression,
    Topic,
)
from subscriptions.readers import privacy, scheduling
from subscriptions.staff.editions import EditionAdmin
from subscriptions.staff.imports import ReaderImportAdmin
from subscriptions.staff.readers import ReaderPages
from web import audit
from web.pagination import LargeTableAdmin, RecordAdmin

__all__ = [
    "EditionAdmin",
    "ReaderImportAdmin",
]  # imported for Django, which discovers only this module


MAX_TESTS = 5  # test emails per action
MAX_READERS_FOUND = 100


class TopicInline(admin.StackedInline):
    model = Topic
    fields = (
        *("name", "active", "text", "words", "excluded_words", "categories", "authors"),
        *("examples", "strictness", "query", "all_matches", "max_papers"),
    )
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Readers add topics themselves, which keeps their order."""
        return False


class SubscriptionInline(admin.StackedInline):
    model = Subscription
    fields = (
        *("name", "state", "frequency", "weekday", "month_day", "hour", "max_papers"),
        *(
            "all_topics",
            "topics",
            "trending",
            "unread_weekday",
            "next_digest_at",
            "last_digest_day",
            "covered_until",
            "paused_until",
        ),
    )
    readonly_fields = ("next_digest_at", "last_digest_day", "covered_until", "paused_until")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Readers add subscriptions themselves, which keeps their order."""
        return False

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the reader's own topics."""
        match = request.resolver_match
        reader = match.kwargs.get("object_id", "") if match else ""
        pk = int(reader) if str(reader).isdecimal() else 0
        kwargs["queryset"] = Topic.objects.filter(subscriber=pk).order_by("position")
        kwargs["widget"] = forms.CheckboxSelectMultiple()
        return super().formfield_for_manytomany(db_field, request, **kwargs)


class ReactionInline(admin.TabularInline):
    model = Reaction
    extra = 0
    raw_id_fields = ("paper", "topic")


class DeliveryEventInline(admin.TabularInline):
    """Delivery events, read-only."""

    model = DeliveryEvent
    fields = readonly_fields = (
        "occurred_at",
        "kind",
        "provider",
        "provider_word",
        "detail",
        "day",
        "received_at",
    )
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it to everyone who may view the reader or the digest."""
        return True


@admin.register(Subscriber)
class SubscriberAdmin(ReaderPages, LargeTableAdmin):
    """Subscribers. Their consent is a record and cannot be edited."""

    list_display = ("email", "status", "language", "timezone", "confirmed_at")
    list_filter = ("status", "language")
    search_fields = ("email_key__startswith",)  # uses the index of the unique constraint
    search_help_text = "Search by the beginning of an address."
    inlines = (TopicInline, SubscriptionInline, ReactionInline, DeliveryEventInline)
    readonly_fields = (
        *("email", "status", "less_often_offered_at"),
        *("created_at", "signup_requested_at", "confirmed_at", "unsubscribed_at"),
        *("consent_text", "consent_page", "consent_ip", "consent_at"),
    )
    actions = ("send_me_a_test", "lift_the_suppression")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Subscriber], search_term: str
    ) -> tuple[QuerySet[Subscriber], bool]:
        return super().get_search_results(request, queryset, search_term.casefold())

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Readers sign up themselves."""
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Reschedule the subscriptions, since a schedule or the time zone may have changed."""
        super().save_related(request, form, formsets, change)
        scheduling.reschedule_reader(form.instance, timezone.now())

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        """Count the rows deleted with a reader, without checking permissions for each of them.

        Their list would show the library of a reader, line by line.
        """
        _listed, counts, _missing_permissions, protected = super().get_deleted_objects(
            objs, request
        )
        return list(map(str, objs)), counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Subscriber) -> None:
        """Erase the reader, as if they had requested it."""
        privacy.erase_reader(obj, timezone.now(), privacy.RequestedBy.OPERATOR)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> None:
        for reader in queryset:
            privacy.erase_reader(reader, timezone.now(), privacy.RequestedBy.OPERATOR)

    @admin.action(
        permissions=["view"], description="Send me a test of today's digest of the selected readers"
    )
    def send_me_a_test(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> None:
        """Email previews to the curator. They do not count as sent."""
        to = getattr(request.user, "email", "")
        if not to:
            self.message_user(request, "Your account has no email address.", level="error")
            return
        readers = queryset[:MAX_TESTS]
        audit.log_action(request, readers, "Sent a test of today's digest to staff.")
        for reader in readers:
            test = digests.preview_digest(reader, timezone.now())
            if test.status == Digest.Status.SKIPPED:
                self.message_user(request, f"{reader}: {test.reason}", level="warning")
                continue
            cards_ = cards.visible_cards(test.paper_ids)
            django_message(digest_mail.test_message(test, cards_, to)).send()
            self.message_user(request, f"Test for {reader} sent to {to}.")

    @admin.action(
        permissions=["change"],
        description="Lift suppression: allow the selected readers to sign up again",
    )
    def lift_the_suppression(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> None:
        """Allow suppressed readers to sign up again. They must confirm their address first."""
        audit.log_action(request, queryset, "Suppression lifted.")
        count = suppression.lift_suppression(queryset)
        message = f"Suppression lifted for {count}. They can sign up again and must confirm."
        self.message_user(request, message)


class AddressSearchAdmin(LargeTableAdmin):
    """Base class for rows of readers, which are searched by the beginning of an address.

    Readers are looked up first: a join ordered by the newest row would scan millions of rows.
    """

    search_fields = ("subscriber__email_key",)
    search_help_text = "Search by the beginning of a reader's address."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not (prefix := search_term.strip().casefold()):
            return queryset, False
        readers = Subscriber.objects.filter(email_key__startswith=prefix).order_by("email_key")
        pks = list(readers.values_list("pk", flat=True)[:MAX_READERS_FOUND])
        return queryset.filter(subscriber__in=pks), False


@admin.register(Digest)
class DigestAdmin(AddressSearchAdmin):
    """Digests and their delivery, read-only."""

    list_display = ("day", "subscriber", "status", "papers", "subject", "attempts", "sent_at")
    list_filter = ("status", "day")
    list_select_related = ("subscriber",)
    ordering = ("-pk",)
    inlines = (DeliveryEventInline,)
    fields = (
        *("subscriber", "subscription", "day", "status", "reason", "subject", "chosen"),
        "public_id",
        *("created_at", "expires_at", "claimed_at", "claimed_by", "attempts"),
        *("next_attempt_at", "sent_at"),
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Digest | None = None) -> bool:
        return False

    @admin.display(description="papers")
    def papers(self, digest: Digest) -> int:
        return len(digest.paper_ids)

    @admin.display(description="papers")
    def chosen(self, digest: Digest) -> SafeString:
        rows = (
            (item["section"], item["title"], item["reason"], item["score"])
            for item in digest.new_items
        )
        lines = format_html_join("", "<li><b>{}</b> {}: {} ({})</li>", rows)
        return format_html("<ol>{}</ol>", lines)


@admin.register(Message)
class MessageAdmin(AddressSearchAdmin):
    """Emails other than digests, read-only. They can be sent again."""

    list_display = ("created_at", "kind", "subscriber", "status", "attempts", "sent_at", "reason")
    list_filter = ("status", "kind")
    list_select_related = ("subscriber",)
    ordering = ("-pk",)
    inlines = (DeliveryEventInline,)
    fields = (
        *("kind", "subscriber", "about", "status", "reason", "public_id"),
        *("created_at", "expires_at", "claimed_at", "claimed_by", "attempts"),
        *("next_attempt_at", "sent_at", "outcome", "provider_id", "settled_at"),
    )
    readonly_fields = fields
    actions = ("try_again",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscriptions.change_message")

    @admin.action(
        permissions=["retry"],
        description="Send the selected emails again (uncertain ones may arrive twice)",
    )
    def try_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        selected = list(queryset)
        rows = Message.objects.filter(pk__in=[message.pk for message in selected])
        ready = transactional.send_again(rows, timezone.now())
        resent = [message for message in selected if message.pk in ready]
        audit.log_action(request, resent, "Sent again.")
        tasks.send_messages.delay_on_commit(ready)
        self.message_user(
            request,
            f"{len(ready)} of {len(selected)} are being sent again; the others don't need it.",
        )


@admin.register(DeliveryEvent)
class DeliveryEventAdmin(AddressSearchAdmin, RecordAdmin):
    """Delivery events, including unknown kinds and events that match no reader."""

    list_display = (
        "occurred_at",
        "kind",
        "provider",
        "provider_word",
        "subscriber",
        "day",
        "detail",
    )
    list_filter = ("kind", "provider")
    list_select_related = ("subscriber",)
    raw_id_fields = ("subscriber", "digest")


@admin.register(Suppression)
class SuppressionAdmin(RecordAdmin):
    """Suppressed addresses, as hashes. They are lifted on the page of the reader."""

    list_display = ("__str__", "reason", "created_at", "until")
    list_filter = ("reason",)


@admin.register(Erasure)
class ErasureAdmin(RecordAdmin):
    """Erased addresses, as hashes. Imports reject them."""

    list_display = ("__str__", "erased_at", "requested_by")
    list_filter = ("requested_by",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(SignUpSwitch)
class SignUpSwitchAdmin(admin.ModelAdmin):
    """The sign-up switch: one form, no list."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not SignUpSwitch.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form of the single row, which is created with its default if missing."""
        switch, _new = SignUpSwitch.objects.get_or_create(pk=1)
        return self.change_view(request, str(switch.pk))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        hidden = {"show_save_and_continue": False, "show_save_and_add_another": False}
        context = {"title": "Sign-up", "subtitle": None, **hidden, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: SignUpSwitch, form: Any, change: bool) -> None:
        SignUpSwitch.set_open(obj.open, timezone.now())
