"""Pages for reactions to papers ("more" or "less like this"), and for recording opened papers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from papers.models import Paper
from papers.vectors import stored_lexicon
from subscriptions.matching import profile_terms
from subscriptions.models import Reaction, Subscriber
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


def _topics(reader: Subscriber, paper: Paper, reaction: Reaction | None) -> dict[str, Any]:
    """Return the topics to choose from and the one acted on; none if there is only one."""
    topics = list(reader.topics.all())
    if len(topics) < 2:
        return {}
    chosen = reaction.topic if reaction else None
    return {"topics": topics, "topic": chosen or topic_choice.topic_for_paper(reader, paper.pk)}


@require_POST
@rate_limited("community")
def note_opened(request: HttpRequest, paper_pk: int) -> HttpResponse:
    """Record that a signed-in reader, who allowed this, opened a paper's page."""
    if reader := browser_sign_in.active_reader(request):
        reading_history.record_opened(reader.pk, paper_pk, timezone.now())
    return HttpResponse(status=204)
