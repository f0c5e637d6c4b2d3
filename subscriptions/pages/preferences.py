"""Readers' pages. A mailed link shows a page on GET and acts only on POST, since scanners follow
every link of a mail."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from papers.models import Paper
from papers.vectors import stored_lexicon
from subscriptions import tasks
from subscriptions.editions import digests, todays_digest
from subscriptions.editions.why_not import explain_absence
from subscriptions.mail import cards, digest_mail
from subscriptions.matching import profile_terms
from subscriptions.models import Digest, Interests, OpenedPaper, Reaction, SignUpSwitch, Subscriber
from subscriptions.pages import preview_hints
from subscriptions.pages.forms import (
    AuthorPageForm,
    InterestsForm,
    PreviewForm,
    RhythmForm,
    SignUpForm,
    UploadForm,
    WhyForm,
)
from subscriptions.pages.mailed_links import Access, mailed_link, signed
from subscriptions.profiles import edits, library_import, reading_history
from subscriptions.profiles.load import load_profiles
from subscriptions.profiles.references import ReferencesError, malformed_ids, parse_library
from subscriptions.readers import (
    browser_sign_in,
    challenge,
    lifecycle,
    mail_requests,
    signup,
    time_zones,
)
from subscriptions.readers.mail_requests import RequestKind
from subscriptions.tokens import Link, Purpose
from web import rate_limit
from web.headers import allow_inline_styles
from web.language import active_language

PAST_SHOWN = 30  # digests
PREFERENCES_LINKS = {
    "profile_url": "profile",
    "propose_url": "propose",
    "rhythm_url": "rhythm",
    "unsubscribe_url": "leave",
    "renew_feed_url": "feed-renew",
    "mail_link_url": "mail-link",
    "offer_url": "offer",
}
PROFILE_ACTS = ("remove", "mute", "upload", "author", "opened", "reset")


@require_http_methods(["GET", "HEAD", "POST"])
@rate_limit.rate_limited("signup", methods=("POST",), fail_closed=True, skip_global=True)
@rate_limit.constant_time
def subscribe(request: HttpRequest) -> HttpResponse:
    """Ask for a confirmation mail. The answer never tells whether an address is known.

    A link may bring what the reader cares about, as the search page does.
    """
    if not SignUpSwitch.is_open():
        status = 503 if request.method == "POST" else 200
        return render(request, "subscriptions/closed.html", status=status)
    form = SignUpForm(request.POST or None, initial=SignUpForm.brought(request.GET))
    if request.method != "POST" or not form.is_valid():
        status = 400 if request.method == "POST" else 200
        return render(request, "subscriptions/subscribe.html", {"form": form}, status=status)
    if form.cleaned_data["nickname"]:  # nobody sees this field; who fills it in learns nothing
        return redirect("check-inbox")
    # Only now, so that who is refused for anything else takes nothing from the others.
    limits = [
        *rate_limit.global_limits("signup"),
        *mail_requests.mailbox_limits(form.cleaned_data["email"]),
    ]
    if wait := rate_limit.seconds_to_wait("signup", limits, fail_closed=True):
        return rate_limit.too_many_requests(request, wait)
    asked = signup.SignUpRequest(
        email=form.cleaned_data["email"],
        timezone=form.cleaned_data["timezone"],
        language=active_language(),
        page=request.path,
        ip=rate_limit.client_address(request) or None,
    )
    with transaction.atomic():
        reader = signup.request_sign_up(asked, timezone.now())
        lifecycle.save_typed_interests(reader.pk, form.said())
        message = mail_requests.request_mail(asked.email, RequestKind.SIGN_UP, timezone.now())
    tasks.send_messages.delay_on_commit([message])
    return redirect("check-inbox")


@require_safe
@never_cache
@rate_limit.rate_limited("challenge")
def challenge_for_sign_up(_request: HttpRequest) -> HttpResponse:
    """A riddle that the browser solves before a sign-up, where one is asked for."""
    return JsonResponse(challenge.make_challenge(timezone.now()))


@require_safe
def check_inbox(request: HttpRequest) -> HttpResponse:
    """Say when to expect the email and when to ask again; the same for every address."""
    context = {
        "link_minutes": _minutes(settings.LINK_COOLDOWN),
        "sign_up_minutes": _minutes(settings.CONFIRMATION_COOLDOWN),
        "most": settings.EMAILS_PER_DAY,
    }
    return render(request, "subscriptions/check_inbox.html", context)


def _minutes(wait: timedelta) -> int:
    return math.ceil(wait / timedelta(minutes=1))


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.CONFIRM)
def confirm(request: HttpRequest, access: Access) -> HttpResponse:
    """GET shows a button; POST confirms, and signs this browser in."""
    reader = access.reader
    if request.method != "POST" or not access.link:
        return render(request, "subscriptions/confirm.html", {"reader": reader})
    if not lifecycle.activate_reader(reader, timezone.now()):
        return render(request, "subscriptions/suppressed.html", status=409)
    tasks.send_messages_to.delay_on_commit(reader.pk)
    messages.success(request, _("You're subscribed. Now tell us what you're interested in."))
    page = redirect("preferences")
    browser_sign_in.sign_in_browser(request, page, reader, access.link)
    return page


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def preferences(request: HttpRequest, access: Access) -> HttpResponse:
    reader = access.reader
    interests, _new = Interests.objects.get_or_create(subscriber=reader)
    rhythm_form = RhythmForm(request.POST or None, instance=reader)
    interests_form = InterestsForm(request.POST or None, instance=interests)
    forms_are_valid = rhythm_form.is_valid() and interests_form.is_valid()
    if request.method == "POST" and forms_are_valid:
        _save(rhythm_form, interests_form)
        _send_today(request, reader) if "send" in request.POST else _say_saved(request, reader)
        return access.redirect("preferences")
    context = {
        "reader": reader,
        "rhythm_form": rhythm_form,
        "interests_form": interests_form,
        "forms": (interests_form, rhythm_form),
        "places": time_zones.place_choices(),
        "unknown_examples": _unknown(interests.examples),
        "outlook": todays_digest.describe_outlook(reader, timezone.now()),
        **{key: access.url(name) for key, name in PREFERENCES_LINKS.items()},
        "reactions": reader.reactions.select_related("paper").order_by("-created_at")[:20],
        **_past_digests(access, request.GET.get("before", "")),
        "offered": interests.suggestion,
    }
    status = 400 if request.method == "POST" else 200
    return render(request, "subscriptions/preferences.html", context, status=status)


def _past_digests(access: Access, before: str) -> dict[str, Any]:
    """The last digests that were sent before a day, newest first, each with its address in the
    browser; and the day before which there are more."""
    sent = access.reader.digests.filter(status=Digest.Status.SENT).order_by("-day", "-sequence")
    if day := _day(before):
        sent = sent.filter(day__lt=day)
    shown = list(sent.only("day", "subject", "public_id")[: PAST_SHOWN + 1])
    past = [(one, access.url("past-digest", one.public_id)) for one in shown[:PAST_SHOWN]]
    return {"past": past, "earlier": past[-1][0].day if len(shown) > PAST_SHOWN else None}


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def _save(rhythm_form: RhythmForm, interests_form: InterestsForm) -> None:
    reader = rhythm_form.save(commit=False)
    lifecycle.set_next_digest(reader, timezone.now())
    reader.save(update_fields=[*rhythm_form.fields, "next_digest_at"])
    interests_form.save(commit=False).save(update_fields=[*interests_form.fields])


def _say_saved(request: HttpRequest, reader: Subscriber) -> None:
    messages.success(request, " ".join([_("Saved."), todays_digest.describe_next(reader)]).strip())


def _send_today(request: HttpRequest, reader: Subscriber) -> None:
    """Send today's digest now, made from what was saved just before."""
    if reader.status != Subscriber.Status.ACTIVE:
        return _say_saved(request, reader)
    answer = todays_digest.request_digest(reader.pk, timezone.now())
    if answer.digest and answer.state is todays_digest.State.LEAVES:
        tasks.deliver_digests.delay_on_commit([answer.digest.pk])
    reader.refresh_from_db()
    messages.success(
        request, " ".join([_("Saved."), todays_digest.describe_answer(answer, reader)])
    )


def _unknown(examples: list[str]) -> list[str]:
    """Examples that are in no feed we have read, so that matching cannot use them yet."""
    known = Paper.objects.filter(arxiv_id__in=examples).values_list("arxiv_id", flat=True)
    return sorted(set(examples) - set(known))


@require_POST
@mailed_link(Purpose.PREFERENCES)
def answer_suggestion(request: HttpRequest, access: Access) -> HttpResponse:
    """Add to the interests what was typed with the address, as from a search; or forget it."""
    try:
        added = edits.settle_suggestion(
            _interests(access).pk, take=request.POST.get("act") == "take"
        )
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        said = _("Added. Your next digest will use it.") if added else _("Nothing was added.")
        messages.success(request, said)
    return access.redirect("preferences")


@require_POST
@mailed_link(Purpose.PREFERENCES)
def renew_feed(request: HttpRequest, access: Access) -> HttpResponse:
    """Another address for the reader's feed; whoever has the old one gets nothing any more."""
    Subscriber.objects.filter(pk=access.reader.pk).update(
        feed_key_version=F("feed_key_version") + 1
    )
    text = _(
        "Your feed has a new address. The old one no longer works. Request the new one by email."
    )
    messages.success(request, text)
    return access.redirect("preferences")


@require_safe
@allow_inline_styles
@signed(Purpose.DIGEST)
def digest_page(_request: HttpRequest, link: Link) -> HttpResponse:
    """A digest in the browser, as its email shows it."""
    return _in_browser(Digest.objects.all(), link.value)


@require_safe
@allow_inline_styles
@mailed_link(Purpose.PREFERENCES)
def past_digest(_request: HttpRequest, access: Access, public_id: UUID) -> HttpResponse:
    """The same, from the list of a reader's past digests."""
    return _in_browser(access.reader.digests.all(), public_id)


def _in_browser(among: QuerySet[Digest], public_id: UUID | str) -> HttpResponse:
    found = get_object_or_404(among.select_related("subscriber"), public_id=public_id)
    return HttpResponse(digest_mail.browser_page(found, cards.visible_cards(found.paper_ids)))


@require_safe
@never_cache
@rate_limit.rate_limited("preview")
def preview_page(request: HttpRequest) -> HttpResponse:
    """What today's digest would hold for whoever typed this, without an address.

    A page of its own, or the part of the home page that htmx puts in place.
    """
    form = PreviewForm(request.GET)
    day = digests.newest_day(timezone.now())
    context: dict[str, Any] = {"preview_form": form, "day": day}
    if valid := form.is_valid():
        context |= _sample(form.said(), day) | {"not_ids": malformed_ids(form.said()["topics"])}
    part = "HX-Request" in request.headers
    name = "subscriptions/_preview.html" if part else "subscriptions/preview.html"
    response = render(request, name, context, status=200 if valid else 400)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _sample(said: dict[str, Any], day: date | None) -> dict[str, Any]:
    interests = Interests(**said)
    items = digests.preview_interests(interests, day) if day else []
    found = cards.cards_for_items(items)
    return {
        **preview_hints.explain(interests, items),
        "valid": True,
        "sections": cards.digest_sections(found),
        "count": len(found),
        "form": SignUpForm(initial=said),
        "unknown_examples": _unknown(said["examples"]),
    }


@require_safe
@mailed_link(Purpose.PREFERENCES)
def profile_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the reader's profile, with a button for each entry."""
    return _render_profile(request, access)


def _render_profile(
    request: HttpRequest,
    access: Access,
    upload_form: UploadForm | None = None,
    author_form: AuthorPageForm | None = None,
) -> HttpResponse:
    reader = _interests(access).subscriber
    asked = request.GET.get("paper")
    why_form = WhyForm(request.GET if asked is not None else None)
    answer = ""
    if why_form.is_valid():
        answer = explain_absence(reader, why_form.cleaned_data["paper"], timezone.now())
    refused = [form for form in (upload_form, author_form) if form and form.errors]
    context = {
        "reader": reader,
        "links": _profile_links(access),
        "upload_form": upload_form or UploadForm(),
        "author_form": author_form or AuthorPageForm(),
        "why_form": why_form,
        "answer": answer,
        "opened": OpenedPaper.objects.allowed()
        .filter(subscriber=reader)
        .select_related("paper")[:50],
        "noted_here": browser_sign_in.signed_in_reader(request) == reader,
    }
    context |= _drivers(reader)
    status = 400 if refused or why_form.errors else 200
    return render(request, "subscriptions/profile.html", context, status=status)


def _drivers(reader: Subscriber) -> dict[str, Any]:
    """What a profile is made of, in words."""
    [wanted] = load_profiles([reader])
    interests = reader.interests
    known = Paper.objects.filter(arxiv_id__in=interests.examples)
    titles = dict(known.values_list("arxiv_id", "title"))
    reactions = reader.reactions.select_related("paper").order_by("-created_at")
    return {
        "interests": interests,
        "words": profile_terms.strongest_terms(wanted, stored_lexicon.load_lexicon()),
        "examples": [(name, titles.get(name, "")) for name in interests.examples],
        "references": [(edits.reference_name(ref), ref["title"]) for ref in interests.references],
        "more": [row for row in reactions if row.kind == Reaction.Kind.MORE],
        "less": [row for row in reactions if row.kind == Reaction.Kind.LESS],
    }


def _profile_links(access: Access) -> dict[str, str]:
    acts = {name: access.url(f"profile-{name}") for name in PROFILE_ACTS}
    return acts | {name: access.url(name) for name in ("profile", "preferences")}


def _interests(access: Access) -> Interests:
    return get_object_or_404(Interests.objects.select_related("subscriber"), pk=access.reader.pk)


@require_POST
@mailed_link(Purpose.PREFERENCES)
def remove_from_profile(request: HttpRequest, access: Access) -> HttpResponse:
    """Take one word, paper, author or reaction out of the profile."""
    pk = _interests(access).pk
    kind, entry = request.POST.get("kind", ""), request.POST.get("entry", "")
    if kind in edits.REMOVERS and entry:
        edits.remove_from_interests(pk, kind, entry)
        messages.success(request, _("Removed. Your next digest will reflect it."))
    else:
        messages.error(request, _("Nothing was removed: the request was incomplete."))
    return access.redirect("profile")


@require_POST
@mailed_link(Purpose.PREFERENCES)
def mute_entry(request: HttpRequest, access: Access) -> HttpResponse:
    """Never again a paper with this word, or by this author; or none for this word alone."""
    kind = request.POST.get("kind", "")
    try:
        field = edits.MUTED.get(kind, "excluded_words")
        edits.add_to_muted(_interests(access).pk, field, request.POST.get("entry", ""))
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        ignored = _("Ignored. This word no longer counts.")
        done = ignored if kind == "ignore" else _("Muted. Your digests won't include it any more.")
        messages.success(request, done)
    return access.redirect("profile")


@require_POST
@rate_limit.rate_limited("upload")
@mailed_link(Purpose.PREFERENCES)
def upload_library(request: HttpRequest, access: Access) -> HttpResponse:
    """Make the papers of a BibTeX or RIS file examples."""
    pk = _interests(access).pk
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            brought = parse_library(file.read(), file.name)
        except ReferencesError as error:
            form.add_error("file", str(error))
        else:
            added = library_import.add_examples(pk, brought.references)
            messages.success(request, library_import.describe_upload(added, brought))
            return access.redirect("profile")
    return _render_profile(request, access, upload_form=form)


@require_POST
@rate_limit.rate_limited("upload")
@mailed_link(Purpose.PREFERENCES)
def author_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Have the papers of an arXiv author page made examples, soon."""
    pk = _interests(access).pk
    form = AuthorPageForm(request.POST)
    if not form.is_valid():
        return _render_profile(request, access, author_form=form)
    if library_import.request_author_page(pk, form.cleaned_data["author"], timezone.now()):
        tasks.import_author.delay_on_commit(pk)
        messages.success(
            request, _("We're asking arXiv for these papers. It takes about a minute.")
        )
    else:
        messages.info(request, _("We asked arXiv just a moment ago. Try again in ten minutes."))
    return access.redirect("profile")


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def reset_profile(request: HttpRequest, access: Access) -> HttpResponse:
    """GET asks; POST forgets all that a reader has said about papers."""
    pk = _interests(access).pk
    if request.method != "POST":
        return render(request, "subscriptions/reset.html", {"links": _profile_links(access)})
    edits.reset_interests(pk)
    messages.success(request, _("Profile cleared. You'll get trending papers."))
    return access.redirect("profile")


@require_POST
@mailed_link(Purpose.PREFERENCES)
def learn_from_opened(request: HttpRequest, access: Access) -> HttpResponse:
    """Allow that papers opened in signed-in browsers are noted, and sign this one in; or forbid it
    and forget them."""
    pk = _interests(access).pk
    back = access.redirect("profile")
    if request.POST.get("allow") == "yes":
        reading_history.start_recording(pk, timezone.now())
        if access.link:
            browser_sign_in.sign_in_browser(request, back, access.reader, access.link)
        messages.success(request, _("From now on, papers you open in this browser count."))
    else:
        reading_history.stop_and_delete(pk)
        messages.success(
            request, _("We no longer record the papers you open. The list has been deleted.")
        )
    return back
