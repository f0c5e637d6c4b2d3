"""The profile of a topic: the keywords, papers and authors that select its papers, editable.

Readers with several topics choose one: each URL names it in the parameter `topic`. Without the
parameter, a page is about the first topic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from papers.models import Paper
from papers.vectors import stored_lexicon
from subscriptions import tasks
from subscriptions.editions.why_not import Answer, explain_by_topic
from subscriptions.matching import profile_terms
from subscriptions.models import OpenedPaper, Reaction, Subscriber, Topic
from subscriptions.pages.forms.readers import AuthorPageForm, UploadForm, WhyForm
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.profiles import edits, library_import, reading_history
from subscriptions.profiles.learning_effect import describe_effect
from subscriptions.profiles.load import MAX_KEPT, load_profiles, zotero_examples
from subscriptions.profiles.reference_files import ReferencesError
from subscriptions.profiles.references import parse_library
from subscriptions.readers import browser_sign_in
from subscriptions.tokens import Purpose
from web import rate_limit

ACTIONS = (
    "remove",
    "mute",
    "upload",
    "author",
    "kept",
    "opened",
    "reset",
)  # URL names: profile-<action>
MAX_OPENED_SHOWN = 50
MAX_DIGITS = 19  # of a primary key in PostgreSQL


@require_safe
@mailed_link(Purpose.PREFERENCES)
def profile_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the profile of a topic, with a button for each entry."""
    return _render_profile(request, access)


def _chosen_topic(request: HttpRequest, access: Access) -> Topic:
    """Return the topic that the URL names; raise Http404 if it is not one of the reader's."""
    name = request.GET.get("topic", "")
    if not name:
        return access.reader.first_topic
    pk = int(name) if name.isdecimal() and len(name) < MAX_DIGITS else 0
    return get_object_or_404(access.reader.topics, pk=pk)


def _redirect_to_profile(request: HttpRequest, access: Access) -> HttpResponse:
    """Redirect to the profile of the same topic."""
    if "topic" not in request.GET:
        return access.redirect("profile")
    return redirect(_with_topic(access.url("profile"), _chosen_topic(request, access)))


def _with_topic(url: str, topic: Topic) -> str:
    return f"{url}?topic={topic.pk}"


def _render_profile(
    request: HttpRequest,
    access: Access,
    upload_form: UploadForm | None = None,
    author_form: AuthorPageForm | None = None,
) -> HttpResponse:
    reader, topic = access.reader, _chosen_topic(request, access)
    topics = list(reader.topics.all())
    why_form = WhyForm(request.GET if "paper" in request.GET else None)
    answers: list[Answer] = []
    if why_form.is_valid():
        answers = explain_by_topic(reader, why_form.cleaned_data["paper"], timezone.now())
    opened = OpenedPaper.objects.allowed().filter(subscriber=reader).select_related("paper")
    context = {
        "reader": reader,
        "links": _profile_links(access, topic, several=len(topics) > 1),
        "topics": _topic_links(access, topics),
        "upload_form": upload_form or UploadForm(),
        "author_form": author_form or AuthorPageForm(),
        "why_form": why_form,
        "answers": answers,
        "opened": opened[:MAX_OPENED_SHOWN],
        "noted_here": browser_sign_in.signed_in_reader(request) == reader,
        **_profile_context(reader, topic),
    }
    has_errors = any(form and form.errors for form in (upload_form, author_form, why_form))
    return render(request, "subscriptions/profile.html", context, status=400 if has_errors else 200)


def _profile_context(reader: Subscriber, topic: Topic) -> dict[str, Any]:
    """Return the parts of a topic's profile as template context."""
    topic.subscriber = reader
    [profile] = load_profiles([topic])
    papers = Paper.objects.filter(arxiv_id__in=topic.examples)
    titles = dict(papers.values_list("arxiv_id", "title"))
    reactions = topic.reactions.select_related("paper").order_by("-created_at")
    return {
        "topic": topic,
        "effect": describe_effect(topic),
        "words": profile_terms.strongest_terms(profile, stored_lexicon.load_lexicon()),
        "examples": [(name, titles.get(name, "")) for name in topic.examples],
        "references": [(edits.reference_name(ref), ref["title"]) for ref in topic.references],
        "zotero": zotero_examples([topic.pk])[topic.pk],
        "more": [row for row in reactions if row.kind == Reaction.Kind.MORE],
        "kept": topic.kept.examples().select_related("paper")[:MAX_KEPT],
        "less": [row for row in reactions if row.kind == Reaction.Kind.LESS],
    }


def _profile_links(access: Access, topic: Topic, *, several: bool) -> dict[str, str]:
    """Return the URLs of this page and of its actions; they name the topic if there are several."""
    links = {name: access.url(f"profile-{name}") for name in ACTIONS}
    links["profile"] = access.url("profile")
    if several:
        links = {name: _with_topic(url, topic) for name, url in links.items()}
    return links | {name: access.url(name) for name in ("preferences", "topics", "zotero")}


def _topic_links(access: Access, topics: Sequence[Topic]) -> list[tuple[Topic, str]]:
    """Return the topics to choose from with their URLs; none if there is only one."""
    url = access.url("profile")
    return [(topic, _with_topic(url, topic)) for topic in topics] if len(topics) > 1 else []


@require_POST
@mailed_link(Purpose.PREFERENCES)
def remove_from_profile(request: HttpRequest, access: Access) -> HttpResponse:
    """Remove one word, paper, author or reaction from the profile."""
    kind, entry = request.POST.get("kind", ""), request.POST.get("entry", "")
    if kind in edits.REMOVERS and entry:
        edits.remove_from_topic(_chosen_topic(request, access).pk, kind, entry)
        messages.success(request, _("Removed. Your next digest will reflect it."))
    else:
        messages.error(request, _("Nothing was removed: the request was incomplete."))
    return _redirect_to_profile(request, access)


@require_POST
@mailed_link(Purpose.PREFERENCES)
def mute_entry(request: HttpRequest, access: Access) -> HttpResponse:
    """Mute a word or an author, or ignore a word in the profile."""
    kind = request.POST.get("kind", "")
    try:
        _mute(_chosen_topic(request, access), kind, request.POST.get("entry", ""))
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        ignored = _("Ignored. This word no longer counts.")
        muted = _("Muted. Your digests won't include it any more.")
        messages.success(request, ignored if kind == "ignore" else muted)
    return _redirect_to_profile(request, access)


def _mute(topic: Topic, kind: str, entry: str) -> None:
    if kind == "ignore":
        edits.ignore_word(topic.pk, entry)
    elif kind == "author":
        edits.mute_author(topic.subscriber_id, entry)
    else:
        edits.mute_word(topic.subscriber_id, entry)


@require_POST
@rate_limit.rate_limited("upload")
@mailed_link(Purpose.PREFERENCES)
def upload_library(request: HttpRequest, access: Access) -> HttpResponse:
    """Add the papers of an uploaded library file to the topic's examples."""
    pk = _chosen_topic(request, access).pk
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            library = parse_library(file.read(), file.name)
        except ReferencesError as error:
            form.add_error("file", str(error))
        else:
            added = library_import.add_examples(pk, library.references)
            messages.success(request, library_import.describe_upload(added, library))
            return _redirect_to_profile(request, access)
    return _render_profile(request, access, upload_form=form)


@require_POST
@rate_limit.rate_limited("upload")
@mailed_link(Purpose.PREFERENCES)
def author_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Import the papers of an arXiv author page in the background."""
    pk = _chosen_topic(request, access).pk
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
    return _redirect_to_profile(request, access)


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.PREFERENCES)
def reset_profile(request: HttpRequest, access: Access) -> HttpResponse:
    """Ask for confirmation on GET. Reset the profile on POST."""
    topic = _chosen_topic(request, access)
    if request.method != "POST":
        several = access.reader.topics.count() > 1
        links = _profile_links(access, topic, several=several)
        context = {"links": links, "topic": topic, "several": several}
        return render(request, "subscriptions/reset.html", context)
    edits.reset_topic(topic.pk)
    messages.success(request, _("Profile cleared. You'll get trending papers."))
    return _redirect_to_profile(request, access)


@require_POST
@mailed_link(Purpose.PREFERENCES)
def learn_from_kept(request: HttpRequest, access: Access) -> HttpResponse:
    """Let the papers in the reader's library count in profiles, or not."""
    learns = request.POST.get("learn") == "yes"
    Subscriber.objects.filter(pk=access.reader.pk).update(learns_from_kept=learns)
    counted, ignored = (
        _("From now on, papers you keep count."),
        _("Papers you keep no longer count."),
    )
    messages.success(request, counted if learns else ignored)
    return _redirect_to_profile(request, access)


@require_POST
@mailed_link(Purpose.PREFERENCES)
def learn_from_opened(request: HttpRequest, access: Access) -> HttpResponse:
    """Start recording opened papers and sign this browser in, or stop and delete the record."""
    pk = access.reader.pk
    response = _redirect_to_profile(request, access)
    if request.POST.get("allow") == "yes":
        reading_history.start_recording(pk, timezone.now())
        if access.link:
            browser_sign_in.sign_in_browser(request, response, access.reader, access.link)
        messages.success(request, _("From now on, papers you open in this browser count."))
    else:
        reading_history.stop_and_delete(pk)
        messages.success(
            request, _("We no longer record the papers you open. The list has been deleted.")
        )
    return response
