from __future__ import annotations

from typing import Any

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
    Interests,
    Message,
    Reaction,
    SignUpSwitch,
    Subscriber,
    Suppression,
)
from subscriptions.readers import lifecycle, privacy
from subscriptions.staff.editions import EditionAdmin
from subscriptions.staff.imports import ReaderImportAdmin
from subscriptions.staff.readers import ReaderPages
from web import audit
from web.pagination import LargeTableAdmin, RecordAdmin

__all__ = [
    "EditionAdmin",
    "ReaderImportAdmin",
]  # found here by Django, which looks into no other module


class InterestsInline(admin.StackedInline):
    model = Interests
    can_delete = False


class ReactionInline(admin.TabularInline):
    model = Reaction
    extra = 0
    raw_id_fields = ("paper",)


class DeliveryEventInline(admin.TabularInline):
    """What came back; a record, not to be edited."""

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
    verbose_name_plural = "what came back"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see the reader or the digest."""
        return True


@admin.register(Subscriber)
class SubscriberAdmin(ReaderPages, LargeTableAdmin):
    """Readers; when and how they agreed is a record and cannot be edited."""

    list_display = ("email", "status", "frequency", "timezone", "hour", "next_digest_at")
    list_filter = ("status", "frequency")
    search_fields = ("email_key__startswith",)  # served by the index of the unique constraint
    search_help_text = "The beginning of an address."
    inlines = (InterestsInline, ReactionInline, DeliveryEventInline)
    readonly_fields = (
        *("email", "status", "next_digest_at", "last_digest_day", "covered_until"),
        *("paused_until", "less_often_offered_at"),
        *("created_at", "signup_requested_at", "confirmed_at", "unsubscribed_at"),
        *("consent_text", "consent_page", "consent_ip", "consent_at"),
    )
    actions = ("send_me_a_test", "lift_the_suppression")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Subscriber], search_term: str
    ) -> tuple[QuerySet[Subscriber], bool]:
        return super().get_search_results(request, queryset, search_term.casefold())

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Readers sign up and confirm themselves."""
        return False

    def save_model(self, request: HttpRequest, obj: Subscriber, form: Any, change: bool) -> None:
        lifecycle.set_next_digest(obj, timezone.now())
        obj.save(update_fields=[*form.changed_data, "next_digest_at"])

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        """List what goes with a reader; that needs no right of its own, nor a deletable record."""
        listed, counts, _lacking, protected = super().get_deleted_objects(objs, request)
        return listed, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Subscriber) -> None:
        """Deleting a reader is an erasure, with all that it asks for."""
        privacy.erase_reader(obj, timezone.now(), privacy.RequestedBy.OPERATOR)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> None:
        for reader in queryset:
            privacy.erase_reader(reader, timezone.now(), privacy.RequestedBy.OPERATOR)

    @admin.action(
        permissions=["view"], description="Send me a test of today's digest of the chosen readers"
    )
    def send_me_a_test(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> None:
        """Goes to the curator's own address; nothing is recorded as sent."""
        to = getattr(request.user, "email", "")
        if not to:
            self.message_user(request, "Your account has no e-mail address.", level="error")
            return
        chosen = queryset[:5]
        audit.log_action(request, chosen, "A test of today's digest was asked for.")
        for reader in chosen:
            test = digests.preview_digest(reader, timezone.now())
            if test.status == Digest.Status.SKIPPED:
                self.message_user(request, f"{reader}: {test.reason}", level="warning")
                continue
            shown = cards.visible_cards(test.paper_ids)
            django_message(digest_mail.test_message(test, shown, to)).send()
            self.message_user(request, f"A test for {reader} was sent to {to}.")

    @admin.action(
        permissions=["change"],
        description="Lift the suppression: the chosen readers may sign up anew",
    )
    def lift_the_suppression(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> None:
        """No mail flows before they have confirmed again."""
        audit.log_action(request, queryset, "The suppression was lifted.")
        lifted = suppression.lift_suppression(queryset)
        self.message_user(request, f"{lifted} may sign up anew, and must confirm again.")


class FoundByAddress(LargeTableAdmin):
    """Rows of readers, found by the beginning of an address: the readers first and then their rows,
    since a join ordered by the newest row walks through millions."""

    search_fields = ("subscriber__email_key",)
    search_help_text = "The beginning of a reader's address."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not (wanted := search_term.strip().casefold()):
            return queryset, False
        found = Subscriber.objects.filter(email_key__startswith=wanted).order_by("email_key")
        return queryset.filter(subscriber__in=list(found.values_list("pk", flat=True)[:100])), False


@admin.register(Digest)
class DigestAdmin(FoundByAddress):
    """What was made for whom, and what became of it; a record, not to be edited."""

    list_display = ("day", "subscriber", "status", "papers", "subject", "attempts", "sent_at")
    list_filter = ("status", "day")
    list_select_related = ("subscriber",)
    ordering = ("-pk",)
    inlines = (DeliveryEventInline,)
    fields = (
        *("subscriber", "day", "status", "reason", "subject", "chosen", "public_id"),
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
            (item["section"], item["title"], item["reason"], item["score"]) for item in digest.items
        )
        lines = format_html_join("", "<li><b>{}</b> {}: {} ({})</li>", rows)
        return format_html("<ol>{}</ol>", lines)


@admin.register(Message)
class MessageAdmin(FoundByAddress):
    """Emails beside the digest and what became of them; a record, but they can be sent again."""

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
        description="Send the chosen ones again (an uncertain one may come twice)",
    )
    def try_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        chosen = list(queryset)
        ready = transactional.send_again(
            Message.objects.filter(pk__in=[one.pk for one in chosen]), timezone.now()
        )
        audit.log_action(request, [one for one in chosen if one.pk in ready], "Sent again.")
        tasks.send_messages.delay_on_commit(ready)
        self.message_user(
            request, f"{len(ready)} of {len(chosen)} are sent again; the others need not be."
        )


@admin.register(DeliveryEvent)
class DeliveryEventAdmin(FoundByAddress, RecordAdmin):
    """What came back; also what belongs to nobody, and kinds nobody knows."""

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
    """Addresses that get nothing, as hashes; lifted on the reader's page."""

    list_display = ("__str__", "reason", "created_at", "until")
    list_filter = ("reason",)


@admin.register(Erasure)
class ErasureAdmin(RecordAdmin):
    """Who asked to be forgotten, as hashes; no list that is read in brings them back."""

    list_display = ("__str__", "erased_at", "requested_by")
    list_filter = ("requested_by",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(SignUpSwitch)
class SignUpSwitchAdmin(admin.ModelAdmin):
    """Opens and closes sign-up, at once: one form, and no list."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not SignUpSwitch.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form of the one row; it is made as it counts where it is not there: open."""
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
        shown = {"title": "Sign-up", "subtitle": None, **hidden, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, shown)

    def save_model(self, request: HttpRequest, obj: SignUpSwitch, form: Any, change: bool) -> None:
        SignUpSwitch.set_open(obj.open, timezone.now())
