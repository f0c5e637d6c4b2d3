"""Pages for voting, proposing and reporting papers. GET shows, POST acts."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from papers import community
from papers.models import Paper, Submission
from subscriptions import tasks
from subscriptions.models import Subscriber
from subscriptions.pages.forms.visitors import LinkForm, ProposalForm, ReportForm
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.readers import browser_sign_in, mail_requests
from subscriptions.readers.mail_requests import RequestKind
from subscriptions.tokens import Purpose
from web.rate_limit import constant_time, rate_limited


@require_http_methods(["GET", "HEAD", "POST"])
@rate_limited("community", methods=("POST",))
@mailed_link(Purpose.PREFERENCES, active=True)
def propose_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Propose a paper by its arXiv link to the curators, or vote for it if we already have it."""
    key = access.reader.community_key
    if "vote" in request.POST:
        return _vote_instead(request, access)
    form = ProposalForm(request.POST or None, initial={"paper": request.GET.get("paper", "")})
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        if here := community.find_visible(form.cleaned_data["paper"]):
            context |= {"here": here, "voted": community.has_voted(here.pk, key)}
        elif _propose(request, access.reader, form):
            return access.redirect("propose")
    context["submissions"] = Submission.objects.filter(created_by=key).select_related("paper")[:20]
    status = 400 if form.errors else 200
    return render(request, "subscriptions/propose.html", context, status=status)


def _vote_instead(request: HttpRequest, access: Access) -> HttpResponse:
    paper = get_object_or_404(Paper.objects.visible(), pk=_number(request.POST["vote"]))
    community.add_vote(paper.pk, access.reader.community_key, timezone.now())
    messages.success(request, _("Your vote counts. Thank you."))
    return access.redirect("propose")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _propose(request: HttpRequest, reader: Subscriber, form: ProposalForm) -> bool:
    """Store a proposal and tell the result; return False if the reader has too many waiting."""
    data = form.cleaned_data
    try:
        submission = community.propose_paper(
            data["paper"], data["note"], reader.community_key, timezone.now()
        )
    except community.TooManyProposals:
        form.add_error(
            "paper",
            _(
                "%(number)s of your proposals are still waiting. "
                "Please let the curators catch up first."
            )
            % {"number": community.MAX_WAITING},
        )
        return False
    if submission.created_by == reader.community_key:
        messages.success(request, _("Thank you. A curator will review it before it's added."))
    else:
        messages.info(request, _("Someone has already proposed this paper."))
    return True


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@rate_limited("community", methods=("POST",))
def vote_signed_in(request: HttpRequest, paper_pk: int) -> HttpResponse:
    """Vote with one click when signed in; otherwise request the link by email."""
    if reader := browser_sign_in.active_reader(request):
        return _vote(request, Access(reader), paper_pk)
    return _vote_link(request, paper_pk)


@rate_limited("link", methods=("POST",), fail_closed=True)
@constant_time
def _vote_link(request: HttpRequest, paper_pk: int) -> HttpResponse:
    """Email the link, to subscribers only. The response is the same for every address."""
    paper = get_object_or_404(Paper.objects.visible(), pk=paper_pk)
    form = LinkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        message = mail_requests.request_mail(email, RequestKind.VOTE, timezone.now(), str(paper.pk))
        tasks.send_messages.delay_on_commit([message])
        return redirect("check-inbox")
    status = 400 if request.method == "POST" else 200
    context = {"paper": paper, "form": form}
    return render(request, "subscriptions/vote_link.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@rate_limited("community", methods=("POST",))
@mailed_link(Purpose.REACT, active=True)
def vote_page(request: HttpRequest, access: Access, paper_pk: int) -> HttpResponse:
    """Show the paper with a button on GET. Add or remove the vote on POST."""
    return _vote(request, access, paper_pk)


def _vote(request: HttpRequest, access: Access, paper_pk: int) -> HttpResponse:
    paper = get_object_or_404(Paper.objects.visible(), pk=paper_pk)
    key = access.reader.community_key
    acted = request.method == "POST"
    if acted:
        act = community.remove_vote if "back" in request.POST else community.add_vote
        act(paper.pk, key, timezone.now())
        paper.refresh_from_db(fields=["site_votes"])
    context = {"paper": paper, "voted": community.has_voted(paper.pk, key), "done": acted}
    if acted and "HX-Request" in request.headers:
        context["next"] = browser_sign_in.next_page(request, paper.get_absolute_url())
        return render(request, "papers/_votes.html", context)
    if acted and "next" in request.POST:
        return redirect(browser_sign_in.next_page(request, paper.get_absolute_url()))
    return render(request, "subscriptions/vote.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@rate_limited("community", methods=("POST",))
@mailed_link(Purpose.REACT, active=True)
def report_page(request: HttpRequest, access: Access, paper_pk: int) -> HttpResponse:
    """Show the paper with a form on GET. Report it to the curators on POST."""
    paper = get_object_or_404(Paper.objects.visible(), pk=paper_pk)
    form = ReportForm(request.POST or None)
    context = {"paper": paper, "form": form, "done": False}
    if request.method != "POST" or not form.is_valid():
        status = 400 if form.errors else 200
        return render(request, "subscriptions/report.html", context, status=status)
    try:
        why, key = form.cleaned_data["why"], access.reader.community_key
        community.report_paper(paper.pk, why, key, timezone.now())
    except community.TooManyProposals:
        form.add_error("why", _waiting())
        return render(request, "subscriptions/report.html", context, status=400)
    return render(request, "subscriptions/report.html", context | {"done": True})


def _waiting() -> str:
    return _(
        "%(number)s of your reports are still waiting. Please let the curators catch up first."
    ) % {"number": community.MAX_WAITING}
