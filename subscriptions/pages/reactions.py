"""Pages for reactions to papers ("more" or "less like this"), and for recording opened papers."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from papers.models import Paper
from papers.vectors import stored_lexicon
from subscriptions.matching import profile_terms
from subscriptions.models import Reaction
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.profiles import reading_history, topic_choice
from subscriptions.profiles.load import paper_text
from subscriptions.readers import browser_sign_in
from subscriptions.tokens import Purpose
from web.rate_limit import rate_limited


@require_http_methods(["GET", "HEAD", "POST"])
@mailed_link(Purpose.REACT)
def react_page(request: HttpRequest, access: Access, kind: str, paper_pk: int) -> HttpResponse:
    """Show the paper with a button on GET. Save or undo the reaction on POST."""
    paper = get_object_or_404(Paper, pk=paper_pk)
    if request.method == "POST":
        _save_reaction(access, paper, kind, undo="undo" in request.POST)
    reaction = access.reader.reactions.filter(paper=paper).first()
    context: dict[str, Any] = {
        "paper": paper,
        "kind": kind,
        "reaction": reaction.kind if reaction else "",
        "acted": request.method == "POST",
        "words": profile_terms.terms_of_paper(paper_text(paper), stored_lexicon.load_lexicon()),
        "vote_url": access.url("vote", paper.pk),
        "report_url": access.url("report", paper.pk),
    }
    return render(request, "subscriptions/react.html", context)


def _save_reaction(access: Access, paper: Paper, kind: str, *, undo: bool) -> None:
    if undo:
        access.reader.reactions.filter(paper=paper, kind=kind).delete()
        return
    Reaction.objects.update_or_create(
        subscriber=access.reader,
        paper=paper,
        defaults={
            "kind": kind,
            "topic": topic_choice.topic_for_paper(access.reader, paper.pk),
            "created_at": timezone.now(),
        },
    )


@require_POST
@rate_limited("community")
def note_opened(request: HttpRequest, paper_pk: int) -> HttpResponse:
    """Record that a signed-in reader, who allowed this, opened a paper's page."""
    if reader := browser_sign_in.active_reader(request):
        reading_history.record_opened(reader.pk, paper_pk, timezone.now())
    return HttpResponse(status=204)
