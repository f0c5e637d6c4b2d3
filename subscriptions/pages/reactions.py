"""Pages for reactions to papers ("more" or "less like this"), for keeping and opening them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from papers.models import Paper
from papers.vectors import stored_lexicon
from subscriptions.library import keeping
from subscriptions.matching import profile_terms
from subscriptions.models import LibraryEntry, Reaction, Subscriber
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.profiles import reactions, reading_history, topic_choice
from subscriptions.profiles.load import paper_text
from subscriptions.readers import browser_sign_in
from subscriptions.tokens import Purpose
from web.rate_limit import rate_limited


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.REACT)
def react_page(request: HttpRequest, access: Access, kind: str, paper_pk: int) -> HttpResponse:
    """Show the paper with a button on GET. Save or undo the reaction on POST.

    Readers with several topics see which one the reaction acts on, and can choose another.
    """
    paper = get_object_or_404(Paper, pk=paper_pk)
    replaced = ""
    if request.method == "POST":
        replaced = _save_or_undo(request.POST, access.reader, paper, kind)
    reaction = access.reader.reactions.filter(paper=paper).select_related("topic").first()
    context: dict[str, Any] = {
        "paper": paper,
        "kind": kind,
        "reaction": reaction.kind if reaction else "",
        "acted": request.method == "POST",
        "undone": "undo" in request.POST,
        "replaced": replaced,
        "words": profile_terms.terms_of_paper(paper_text(paper), stored_lexicon.load_lexicon()),
        "vote_url": access.url("vote", paper.pk),
        "report_url": access.url("report", paper.pk),
        **_topics(access.reader, paper, reaction),
    }
    return render(request, "subscriptions/react.html", context)


def _save_or_undo(data: Mapping[str, str], reader: Subscriber, paper: Paper, kind: str) -> str:
    """Save or undo the reaction; return the one that was replaced, for the form to undo it."""
    if "undo" in data:
        reactions.undo_reaction(reader, paper.pk, kind, data.get("replaced", ""))
        return ""
    topic = data.get("topic", "")
    return reactions.save_reaction(reader, paper.pk, kind, topic, timezone.now())


def _topics(
    reader: Subscriber, paper: Paper, action: Reaction | LibraryEntry | None
) -> dict[str, Any]:
    """Return the topics to choose from and the one acted on; none if there is only one."""
    topics = list(reader.topics.all())
    if len(topics) < 2:
        return {}
    chosen = action.topic if action else None
    return {"topics": topics, "topic": chosen or topic_choice.topic_for_paper(reader, paper.pk)}


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.REACT)
def keep_page(request: HttpRequest, access: Access, paper_pk: int) -> HttpResponse:
    """Show the paper with a button on GET. Keep it, or remove it from the library, on POST.

    A button on another page names that page in `next` and leads back to it. htmx replaces the
    button instead. An entry with a note or tags is removed on this page only, which warns of that.
    """
    paper = get_object_or_404(Paper, pk=paper_pk)
    acted, back_to = request.method == "POST", browser_sign_in.next_page(request, "")
    is_htmx = "HX-Request" in request.headers
    try:
        done = not acted or _keep_or_remove(request.POST, access.reader, paper)
    except ValidationError as error:
        return _refuse(request, access, paper, error.messages[0])
    if not done:
        warning = f"{access.url('keep', paper.pk)}?{urlencode({'next': back_to})}"
        return HttpResponseClientRedirect(warning) if is_htmx else redirect(warning)
    if acted and is_htmx:
        return render(request, "subscriptions/_keep.html", {"paper": paper, "next": back_to})
    if acted and back_to:
        return redirect(back_to)
    context = _keep_context(access.reader, paper, acted=acted)
    context["changed"] = "changed" in request.POST  # the topic of a paper kept before
    return render(request, "subscriptions/keep.html", context)


def _refuse(request: HttpRequest, access: Access, paper: Paper, reason: str) -> HttpResponse:
    """Say on the page why a paper was not kept."""
    messages.error(request, reason)
    if "HX-Request" in request.headers:
        return HttpResponseClientRedirect(access.url("keep", paper.pk))
    context = _keep_context(access.reader, paper, acted=False)
    return render(request, "subscriptions/keep.html", context, status=400)


def _keep_or_remove(data: Mapping[str, str], reader: Subscriber, paper: Paper) -> bool:
    """Keep or remove a paper; return False if its note and tags would be lost unasked."""
    if "undo" not in data:
        keeping.keep_paper(reader, paper, timezone.now(), data.get("topic", ""))
        return True
    entry = reader.library.filter(paper=paper).first()
    if entry and entry.is_annotated and "with_notes" not in data:
        return False
    keeping.remove_paper(reader, paper.pk, timezone.now())
    return True


def _keep_context(reader: Subscriber, paper: Paper, *, acted: bool) -> dict[str, Any]:
    """Return the context of the page: the entry, and the topic for which it is an example.

    Readers with several topics can choose another one.
    """
    entry = reader.library.filter(paper=paper).select_related("topic").first()
    learns = reader.learns_from_kept
    return {
        "paper": paper,
        "entry": entry,
        "acted": acted,
        "example_for": entry.topic if entry and learns else None,
        **(_topics(reader, paper, entry) if learns else {}),
    }


@require_POST
@rate_limited("community")
def note_opened(request: HttpRequest, paper_pk: int) -> HttpResponse:
    """Record that a signed-in reader, who allowed this, opened a paper's page."""
    if reader := browser_sign_in.active_reader(request):
        reading_history.record_opened(reader.pk, paper_pk, timezone.now())
    return HttpResponse(status=204)
