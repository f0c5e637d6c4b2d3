"""Readers' pages. A mailed link shows a page on GET and acts only on POST, since scanners follow
every link of a mail."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from config import guard
from config.headers import styled_in_place
from config.language import spoken
from papers import corpus
from papers.models import Paper
from subscriptions import (
    cards,
    challenge,
    changes,
    digest_mail,
    digests,
    insight,
    known,
    library,
    mail_requests,
    opened,
    readers,
    signup,
    tasks,
    time_zones,
    todays_digest,
    tokens,
)
from subscriptions.forms import (
    AuthorPageForm,
    InterestsForm,
    LinkForm,
    PreviewForm,
    RhythmForm,
    SignUpForm,
    UploadForm,
    WhyForm,
)
from subscriptions.mail_requests import Wanted
from subscriptions.models import Digest, Interests, Opened, Reaction, SignUpSwitch, Subscriber
from subscriptions.profiles import paper_text, profiles
from subscriptions.references import ReferencesError, not_ids, references
from subscriptions.tokens import BadLink, Purpose
from subscriptions.why import why_not

View = Callable[..., HttpResponse]
PAST_SHOWN = 30  # digests
OPENED_COOKIE = "opened"  # in browsers in which a reader allowed that opened papers are noted


def opened_by(purpose: Purpose) -> Callable[[View], View]:
    """Give the view the value that its token was made for; a bad link gets a page that helps.

    The signature is this door's guard; who acts through it too often, or knocks with wrong ones,
    must wait. Leaving never waits.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        @never_cache
        def opened(request: HttpRequest, token: str, **rest: Any) -> HttpResponse:
            try:
                value = tokens.read(purpose, token)
            except BadLink as error:
                wait = _wait(f"wrong:{guard.network_of(guard.client_address(request))}")
                return guard.refused(request, wait) if wait else bad_link(request, error)
            acts = request.method == "POST" and purpose != Purpose.UNSUBSCRIBE
            if wait := _wait(f"{purpose.name}:{value}") if acts else 0.0:
                return guard.refused(request, wait)
            return view(request, value, **rest)

        opened.guard = "mailed"  # type: ignore[attr-defined]
        return opened

    return decorate


def _wait(key: str) -> float:
    """Count one use of mailed links; the signature guards them where Redis is away."""
    count, _all = settings.ENTRANCE_RATES["mailed"]
    return guard.waiting("mailed", [guard.Limit(f"mailed:{key}", count)] if count else [])


def bad_link(request: HttpRequest, error: BadLink) -> HttpResponse:
    expired = isinstance(error, tokens.ExpiredLink)
    context = {"expired": expired, "form": LinkForm()}
    return render(request, "subscriptions/bad_link.html", context, status=410 if expired else 400)


@require_http_methods(["GET", "HEAD", "POST"])
@guard.guard("signup", methods=("POST",), shut_without_redis=True, all_later=True)
@guard.even
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
    limits = [*guard.from_all("signup"), *mail_requests.typed(form.cleaned_data["email"])]
    if wait := guard.waiting("signup", limits, shut_without_redis=True):
        return guard.refused(request, wait)
    asked = signup.Request(
        email=form.cleaned_data["email"],
        timezone=form.cleaned_data["timezone"],
        language=spoken(),
        page=request.path,
        ip=guard.client_address(request) or None,
    )
    with transaction.atomic():
        reader = signup.request(asked, timezone.now())
        readers.keep_said(reader.pk, form.said())
        message = mail_requests.request(asked.email, Wanted.SIGN_UP, timezone.now())
    tasks.send_messages.delay_on_commit([message])
    return redirect("check-inbox")


@require_safe
@never_cache
@guard.guard("challenge")
def challenge_for_sign_up(_request: HttpRequest) -> HttpResponse:
    """A riddle that the browser solves before a sign-up, where one is asked for."""
    return JsonResponse(challenge.make(timezone.now()))


@require_safe
def check_inbox(request: HttpRequest) -> HttpResponse:
    """Say when to expect the email and when to ask again; the same for every address."""
    context = {
        "link_minutes": _minutes(settings.LINK_COOLDOWN),
        "sign_up_minutes": _minutes(settings.CONFIRMATION_COOLDOWN),
        "most": settings.MAILS_A_DAY,
    }
    return render(request, "subscriptions/check_inbox.html", context)


def _minutes(wait: timedelta) -> int:
    return math.ceil(wait / timedelta(minutes=1))


@require_http_methods(["GET", "HEAD", "POST"])
@guard.guard("link", methods=("POST",), shut_without_redis=True)
@guard.even
def preferences_link(request: HttpRequest) -> HttpResponse:
    """Mail the way to the preferences, to a known address only; the answer is the same, and so
    is what is done for it here."""
    form = LinkForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        status = 400 if request.method == "POST" else 200
        return render(request, "subscriptions/preferences_link.html", {"form": form}, status=status)
    email = form.cleaned_data["email"]
    message = mail_requests.request(email, Wanted.PREFERENCES, timezone.now())
    tasks.send_messages.delay_on_commit([message])
    return redirect("check-inbox")


@require_http_methods(["GET", "HEAD", "POST"])
@opened_by(Purpose.CONFIRM)
def confirm(request: HttpRequest, pk: str) -> HttpResponse:
    reader = get_object_or_404(Subscriber, pk=pk)
    if request.method != "POST":
        return render(request, "subscriptions/confirm.html", {"reader": reader})
    if not readers.activate(reader, timezone.now()):
        return render(request, "subscriptions/suppressed.html", status=409)
    tasks.send_messages_to.delay_on_commit(reader.pk)
    messages.success(request, _("You are subscribed. Now say what you care about."))
    page = redirect("preferences", token=tokens.make(Purpose.PREFERENCES, reader.pk))
    return known.remember(page, pk)


@require_http_methods(["GET", "HEAD", "POST"])
@opened_by(Purpose.PREFERENCES)
def preferences(request: HttpRequest, pk: str) -> HttpResponse:
    reader = get_object_or_404(Subscriber, pk=pk)
    interests, _new = Interests.objects.get_or_create(subscriber=reader)
    rhythm_form = RhythmForm(request.POST or None, instance=reader)
    interests_form = InterestsForm(request.POST or None, instance=interests)
    forms_are_valid = rhythm_form.is_valid() and interests_form.is_valid()
    if request.method == "POST" and forms_are_valid:
        _save(rhythm_form, interests_form)
        _send_today(request, reader) if "send" in request.POST else _say_saved(request, reader)
        return known.remember(redirect(request.path), pk)
    context = {
        "reader": reader,
        "rhythm_form": rhythm_form,
        "interests_form": interests_form,
        "forms": (interests_form, rhythm_form),
        "places": time_zones.places(),
        "unknown_examples": _unknown(interests.examples),
        "profile_url": reverse("profile", args=[tokens.make(Purpose.PREFERENCES, pk)]),
        "feed_url": reverse(
            "feed-digests", args=[tokens.make(Purpose.FEED, reader.feed_key), "atom"]
        ),
        "propose_url": reverse("propose", args=[tokens.make(Purpose.PREFERENCES, pk)]),
        "outlook": todays_digest.outlook(reader, timezone.now()),
        "unsubscribe_url": reverse("unsubscribe", args=[tokens.make(Purpose.UNSUBSCRIBE, pk)]),
        "reactions": reader.reactions.select_related("paper").order_by("-created_at")[:20],
        "rhythm_token": tokens.make(Purpose.PREFERENCES, pk),
        **_past_digests(reader, request.GET.get("before", "")),
        "renew_feed_url": reverse("feed-renew", args=[tokens.make(Purpose.PREFERENCES, pk)]),
        "offered": interests.offered,
        "offer_url": reverse("offer", args=[tokens.make(Purpose.PREFERENCES, pk)]),
    }
    status = 400 if request.method == "POST" else 200
    return render(request, "subscriptions/preferences.html", context, status=status)


def _past_digests(reader: Subscriber, before: str) -> dict[str, Any]:
    """The last digests that were sent before a day, newest first, each with its address in the
    browser; and the day before which there are more."""
    sent = reader.digests.filter(status=Digest.Status.SENT).order_by("-day", "-turn")
    if day := _day(before):
        sent = sent.filter(day__lt=day)
    shown = list(sent.only("day", "subject", "public_id")[: PAST_SHOWN + 1])
    past = [
        (one, reverse("digest", args=[tokens.make(Purpose.DIGEST, one.public_id)]))
        for one in shown[:PAST_SHOWN]
    ]
    return {"past": past, "earlier": past[-1][0].day if len(shown) > PAST_SHOWN else None}


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def _save(rhythm_form: RhythmForm, interests_form: InterestsForm) -> None:
    reader = rhythm_form.save(commit=False)
    readers.reschedule(reader, timezone.now())
    reader.save(update_fields=[*rhythm_form.fields, "next_digest_at"])
    interests_form.save(commit=False).save(update_fields=[*interests_form.fields])


def _say_saved(request: HttpRequest, reader: Subscriber) -> None:
    messages.success(request, f"{_('Saved.')} {todays_digest.next_one(reader)}".strip())


def _send_today(request: HttpRequest, reader: Subscriber) -> None:
    """Send today's digest now, made from what was saved just before."""
    if reader.status != Subscriber.Status.ACTIVE:
        return _say_saved(request, reader)
    answer = todays_digest.ask(reader.pk, timezone.now())
    if answer.digest and answer.state is todays_digest.State.LEAVES:
        tasks.deliver.delay_on_commit([answer.digest.pk])
    reader.refresh_from_db()
    messages.success(request, f"{_('Saved.')} {todays_digest.sentence(answer, reader)}")


def _unknown(examples: list[str]) -> list[str]:
    """Examples that are in no feed we have read, so that matching cannot use them yet."""
    known = Paper.objects.filter(arxiv_id__in=examples).values_list("arxiv_id", flat=True)
    return sorted(set(examples) - set(known))


@require_POST
@opened_by(Purpose.PREFERENCES)
def offer(request: HttpRequest, pk: str) -> HttpResponse:
    """Add to the interests what was typed with the address, as from a search; or forget it."""
    get_object_or_404(Interests, pk=pk)
    try:
        added = changes.settle_offer(int(pk), take=request.POST.get("act") == "take")
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        said = _("Added. Your next digest follows.") if added else _("Nothing was added.")
        messages.success(request, said)
    back = redirect("preferences", token=tokens.make(Purpose.PREFERENCES, pk))
    return known.remember(back, pk)


@require_POST
@opened_by(Purpose.PREFERENCES)
def renew_feed(request: HttpRequest, pk: str) -> HttpResponse:
    """Another address for the reader's feed; whoever has the old one gets nothing any more."""
    Subscriber.objects.filter(pk=pk).update(feed_turn=F("feed_turn") + 1)
    messages.success(request, _("Your feed has a new address; the old one no longer works."))
    return redirect("preferences", token=tokens.make(Purpose.PREFERENCES, pk))


@require_http_methods(["GET", "HEAD", "POST"])
@opened_by(Purpose.REACT)
def react(request: HttpRequest, pk: str, kind: str, paper_pk: int) -> HttpResponse:
    """GET shows the paper with a button; POST records more or less like this."""
    reader = get_object_or_404(Subscriber, pk=pk)
    paper = get_object_or_404(Paper, pk=paper_pk)
    context = {
        "paper": paper,
        "kind": kind,
        "done": request.method == "POST",
        "words": insight.carriers(paper_text(paper), corpus.lexicon()),
    }
    if request.method == "POST":
        Reaction.objects.update_or_create(
            subscriber=reader,
            paper=paper,
            defaults={"kind": kind, "created_at": timezone.now()},
        )
        token = tokens.make(Purpose.PREFERENCES, reader.pk)
        context["profile_url"] = reverse("profile", args=[token])
        vote_token = tokens.make(Purpose.REACT, reader.pk)
        context["vote_url"] = reverse("vote", args=[paper.pk, vote_token])
        context["report_url"] = reverse("report", args=[paper.pk, vote_token])
    return render(request, "subscriptions/react.html", context)


@require_safe
@styled_in_place
@opened_by(Purpose.DIGEST)
def digest(request: HttpRequest, public_id: str) -> HttpResponse:
    """A digest in the browser, as its mail shows it."""
    found = get_object_or_404(Digest.objects.select_related("subscriber"), public_id=public_id)
    return HttpResponse(digest_mail.in_browser(found, cards.shown(found.paper_ids)))


@require_safe
@never_cache
@guard.guard("preview")
def preview(request: HttpRequest) -> HttpResponse:
    """What today's digest would hold for whoever typed this, without an address.

    A page of its own, or the part of the home page that htmx puts in place.
    """
    form = PreviewForm(request.GET)
    day = digests.newest_day(timezone.now())
    context: dict[str, Any] = {"preview_form": form, "day": day}
    if valid := form.is_valid():
        context |= _sample(form.said(), day) | {"not_ids": not_ids(form.said()["topics"])}
    part = "HX-Request" in request.headers
    name = "subscriptions/_preview.html" if part else "subscriptions/preview.html"
    response = render(request, name, context, status=200 if valid else 400)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _sample(said: dict[str, Any], day: date | None) -> dict[str, Any]:
    items = digests.sample(Interests(**said), day) if day else []
    found = cards.of_items(items)
    return {
        "valid": True,
        "sections": cards.sections(found),
        "count": len(found),
        "form": SignUpForm(initial=said),
        "unknown_examples": _unknown(said["examples"]),
    }


@require_safe
@opened_by(Purpose.PREFERENCES)
def profile(request: HttpRequest, pk: str) -> HttpResponse:
    """What drives the choice of a reader's papers, each thing with its button."""
    return _profile_page(request, pk)


def _profile_page(
    request: HttpRequest,
    pk: str,
    upload_form: UploadForm | None = None,
    author_form: AuthorPageForm | None = None,
) -> HttpResponse:
    interests = get_object_or_404(Interests.objects.select_related("subscriber"), pk=pk)
    reader = interests.subscriber
    asked = request.GET.get("paper")
    why_form = WhyForm(request.GET if asked is not None else None)
    answer = ""
    if why_form.is_valid():
        answer = why_not(reader, why_form.cleaned_data["paper"], timezone.now())
    refused = [form for form in (upload_form, author_form) if form and form.errors]
    context = {
        "reader": reader,
        "links": _profile_links(pk),
        "upload_form": upload_form or UploadForm(),
        "author_form": author_form or AuthorPageForm(),
        "why_form": why_form,
        "answer": answer,
        "opened": Opened.objects.allowed().filter(subscriber=reader).select_related("paper")[:50],
        "noted_here": _opener(request) == str(reader.pk),
    }
    context |= _drivers(reader)
    status = 400 if refused or why_form.errors else 200
    return render(request, "subscriptions/profile.html", context, status=status)


def _drivers(reader: Subscriber) -> dict[str, Any]:
    """What a profile is made of, in words."""
    [wanted] = profiles([reader])
    interests = reader.interests
    known = Paper.objects.filter(arxiv_id__in=interests.examples)
    titles = dict(known.values_list("arxiv_id", "title"))
    reactions = reader.reactions.select_related("paper").order_by("-created_at")
    return {
        "interests": interests,
        "words": insight.strongest(wanted, corpus.lexicon()),
        "examples": [(name, titles.get(name, "")) for name in interests.examples],
        "references": [(changes.reference_name(ref), ref["title"]) for ref in interests.references],
        "more": [row for row in reactions if row.kind == Reaction.Kind.MORE],
        "less": [row for row in reactions if row.kind == Reaction.Kind.LESS],
    }


def _profile_links(pk: str) -> dict[str, str]:
    token = tokens.make(Purpose.PREFERENCES, pk)
    names = ("remove", "mute", "upload", "author", "opened", "reset")
    links = {name: reverse(f"profile-{name}", args=[token]) for name in names}
    return links | {name: reverse(name, args=[token]) for name in ("profile", "preferences")}


def _back_to_profile(pk: str) -> HttpResponse:
    return redirect("profile", token=tokens.make(Purpose.PREFERENCES, pk))


@require_POST
@opened_by(Purpose.PREFERENCES)
def remove(request: HttpRequest, pk: str) -> HttpResponse:
    """Take one word, paper, author or reaction out of the profile."""
    get_object_or_404(Interests, pk=pk)
    kind, entry = request.POST.get("kind", ""), request.POST.get("entry", "")
    if kind in changes.REMOVERS and entry:
        changes.remove(int(pk), kind, entry)
        messages.success(request, _("Removed. Your next digest follows."))
    else:
        messages.error(request, _("Nothing was removed: the page did not say what."))
    return _back_to_profile(pk)


@require_POST
@opened_by(Purpose.PREFERENCES)
def mute(request: HttpRequest, pk: str) -> HttpResponse:
    """Never again a paper with this word, or by this author."""
    get_object_or_404(Interests, pk=pk)
    author = request.POST.get("kind") == "author"
    try:
        field = "muted_authors" if author else "excluded_words"
        changes.mute(int(pk), field, request.POST.get("entry", ""))
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, _("Muted: no digest brings it any more."))
    return _back_to_profile(pk)


@require_POST
@guard.guard("upload")
@opened_by(Purpose.PREFERENCES)
def upload(request: HttpRequest, pk: str) -> HttpResponse:
    """Make the papers of a BibTeX or RIS file examples."""
    get_object_or_404(Interests, pk=pk)
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            brought = references(file.read(), file.name)
        except ReferencesError as error:
            form.add_error("file", str(error))
        else:
            added = library.add(int(pk), brought.references)
            messages.success(request, library.report(added, brought))
            return _back_to_profile(pk)
    return _profile_page(request, pk, upload_form=form)


@require_POST
@guard.guard("upload")
@opened_by(Purpose.PREFERENCES)
def author_page(request: HttpRequest, pk: str) -> HttpResponse:
    """Have the papers of an arXiv author page made examples, soon."""
    get_object_or_404(Interests, pk=pk)
    form = AuthorPageForm(request.POST)
    if not form.is_valid():
        return _profile_page(request, pk, author_form=form)
    if library.ask(int(pk), form.cleaned_data["author"], timezone.now()):
        tasks.import_author.delay_on_commit(int(pk))
        messages.success(request, _("We ask arXiv for these papers; it takes a minute."))
    else:
        messages.info(request, _("We have asked arXiv only just now. Try again in ten minutes."))
    return _back_to_profile(pk)


@require_http_methods(["GET", "HEAD", "POST"])
@opened_by(Purpose.PREFERENCES)
def reset(request: HttpRequest, pk: str) -> HttpResponse:
    """GET asks; POST forgets all that a reader has said about papers."""
    get_object_or_404(Interests, pk=pk)
    if request.method != "POST":
        return render(request, "subscriptions/reset.html", {"links": _profile_links(pk)})
    changes.reset(int(pk))
    messages.success(request, _("Your profile is blank again. You get what trends."))
    return _back_to_profile(pk)


@require_POST
@opened_by(Purpose.PREFERENCES)
def learn_from_opened(request: HttpRequest, pk: str) -> HttpResponse:
    """Allow that papers opened in this browser are noted, or forbid it and forget them."""
    get_object_or_404(Interests, pk=pk)
    back = _back_to_profile(pk)
    if request.POST.get("allow") == "yes":
        opened.allow(int(pk), timezone.now())
        back.set_cookie(
            OPENED_COOKIE,
            tokens.make(Purpose.OPENED, pk),
            max_age=Purpose.OPENED.value,
            httponly=True,
            secure=settings.SESSION_COOKIE_SECURE,
            samesite="Lax",
        )
        messages.success(request, _("Papers you open in this browser count from now on."))
    else:
        opened.forget(int(pk))
        back.delete_cookie(OPENED_COOKIE, samesite="Lax")
        messages.success(request, _("Nothing you open is noted any more; the list is forgotten."))
    return back


@require_POST
@guard.guard("community")
def note_opened(request: HttpRequest, paper_pk: int) -> HttpResponse:
    """A paper's page reports that it was opened, in a browser in which its reader allowed that."""
    answer = HttpResponse(status=204)
    reader = _opener(request)
    if not (reader and opened.note(int(reader), paper_pk, timezone.now())):
        answer.delete_cookie(OPENED_COOKIE, samesite="Lax")  # forbidden since, elsewhere
    return answer


def _opener(request: HttpRequest) -> str:
    """Which reader allowed it in this browser; "" for none."""
    try:
        return tokens.read(Purpose.OPENED, request.COOKIES.get(OPENED_COOKIE, ""))
    except BadLink:
        return ""
