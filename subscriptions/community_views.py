"""A reader's part in what all see: proposing a paper, and voting. GET shows, POST acts."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from config.guard import even, guard
from papers import community
from papers.models import Paper, Submission
from subscriptions import mail_requests, tasks, tokens
from subscriptions.forms import LinkForm, ProposalForm, ReportForm
from subscriptions.mail_requests import Wanted
from subscriptions.models import Subscriber
from subscriptions.tokens import Purpose
from subscriptions.views import opened_by


@require_http_methods(["GET", "HEAD", "POST"])
@guard("community", methods=("POST",))
@opened_by(Purpose.PREFERENCES)
def propose(request: HttpRequest, pk: str) -> HttpResponse:
    """Propose a paper by its arXiv link; a curator looks at it before it comes in."""
    reader = get_object_or_404(Subscriber.objects.active(), pk=pk)
    form = ProposalForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _proposed(request, reader, form):
        return redirect("propose", token=tokens.make(Purpose.PREFERENCES, pk))
    mine = Submission.objects.filter(by=reader.community_key).select_related("paper")[:20]
    context: dict[str, Any] = {"form": form, "submissions": mine}
    status = 400 if form.errors else 200
    return render(request, "subscriptions/propose.html", context, status=status)


def _proposed(request: HttpRequest, reader: Subscriber, form: ProposalForm) -> bool:
    said = form.cleaned_data
    try:
        made = community.propose(said["paper"], said["note"], reader.community_key, timezone.now())
    except community.TooMany:
        form.add_error(
            "paper",
            _("%(number)s of your proposals are still waiting; please let a curator catch up.")
            % {"number": community.MOST_WAITING},
        )
        return False
    if made.by == reader.community_key:
        messages.success(request, _("Thank you. A curator looks at it before it comes in."))
    else:
        messages.info(request, _("Somebody has proposed this paper already."))
    return True


@require_http_methods(["GET", "HEAD", "POST"])
@guard("link", methods=("POST",), shut_without_redis=True)
@even
def vote_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Votes are readers': the button comes by mail, to a known address only; the answer is the
    same for all."""
    paper = get_object_or_404(Paper.objects.visible(), pk=pk)
    form = LinkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        message = mail_requests.request(email, Wanted.VOTE, timezone.now(), str(paper.pk))
        tasks.send_messages.delay_on_commit([message])
        return redirect("check-inbox")
    status = 400 if request.method == "POST" else 200
    context = {"paper": paper, "form": form}
    return render(request, "subscriptions/vote_link.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@guard("community", methods=("POST",))
@opened_by(Purpose.REACT)
def vote(request: HttpRequest, pk: str, paper_pk: int) -> HttpResponse:
    """GET shows the paper with a button; POST counts the vote, or takes it back."""
    reader = get_object_or_404(Subscriber.objects.active(), pk=pk)
    paper = get_object_or_404(Paper.objects.visible(), pk=paper_pk)
    if request.method == "POST":
        act = community.take_back if "back" in request.POST else community.vote
        act(paper.pk, reader.community_key, timezone.now())
        paper.refresh_from_db(fields=["site_votes"])
    voted = community.has_voted(paper.pk, reader.community_key)
    done = request.method == "POST"
    context = {"paper": paper, "voted": voted, "done": done}
    return render(request, "subscriptions/vote.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@guard("community", methods=("POST",))
@opened_by(Purpose.REACT)
def report(request: HttpRequest, pk: str, paper_pk: int) -> HttpResponse:
    """GET shows the paper with a form; POST tells the curators, who decide."""
    reader = get_object_or_404(Subscriber.objects.active(), pk=pk)
    paper = get_object_or_404(Paper.objects.visible(), pk=paper_pk)
    form = ReportForm(request.POST or None)
    context = {"paper": paper, "form": form, "done": False}
    if request.method != "POST" or not form.is_valid():
        status = 400 if form.errors else 200
        return render(request, "subscriptions/report.html", context, status=status)
    try:
        community.report(paper.pk, form.cleaned_data["why"], reader.community_key, timezone.now())
    except community.TooMany:
        form.add_error("why", _waiting())
        return render(request, "subscriptions/report.html", context, status=400)
    return render(request, "subscriptions/report.html", context | {"done": True})


def _waiting() -> str:
    return _("%(number)s of your reports are still waiting; please let a curator catch up.") % {
        "number": community.MOST_WAITING
    }
