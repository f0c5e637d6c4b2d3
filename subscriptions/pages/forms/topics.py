"""The form of a topic: what it looks for, ranked or by a strict query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from papers.models import Paper
from papers.searching.queries import parse_query
from papers.searching.query_problems import describe_problem
from subscriptions.models import QUERY_LENGTH
from subscriptions.pages.forms.readers import TopicForm
from subscriptions.profiles.saved_searches import SavedSearch
from subscriptions.profiles.topic_descriptions import describe_query
from subscriptions.readers.fields import ListField, RangeField

RANKED, STRICT = "ranked", "strict"
MAX_KEY_DIGITS = 18  # of a paper's key; more do not fit into the column


class TopicPageForm(TopicForm):
    """All settings of a topic. Problems of its query are accepted when they were shown before."""

    FOLDED = ("words", "authors", "strictness")

    kind = forms.ChoiceField(
        label=_("How should it choose papers?"),
        choices=[
            (RANKED, _("Rank by what fits")),
            (STRICT, _("Everything that matches a search")),
        ],
        widget=forms.RadioSelect,
    )
    query = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=QUERY_LENGTH,
        help_text=_('For example: title:"sparse attention" AND (cat:cs.CL OR has:code) -survey'),
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    all_matches = forms.BooleanField(
        label=_("Also papers that another topic has brought"),
        required=False,
        help_text=_("Otherwise each paper comes only once. These are marked."),
    )
    accepted = forms.CharField(required=False, widget=forms.HiddenInput)
    excluded_words = ListField(
        label=_("No papers that contain"),
        help_text=_("Words or phrases, separated by commas or line breaks. For this topic only."),
    )
    max_papers = RangeField(
        label=_("Maximum papers per digest"),
        help_text=_("From 1 to 30. Empty: as many as fit."),
        required=False,
        min_value=1,
        max_value=30,
    )

    class Meta(TopicForm.Meta):
        fields = [
            *("name", *TopicForm.Meta.fields, "query", "all_matches"),
            *("excluded_words", "max_papers"),
        ]
        labels = TopicForm.Meta.labels | {"name": _("Name"), "text": _("In your own words")}
        help_texts = TopicForm.Meta.help_texts | {
            "name": _("The title of its section in your digest. Empty: what it looks for.")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["strictness"].label = _("How selective should it be?")
        is_strict = self.instance.query or self.initial.get("query")
        self.fields["kind"].initial = STRICT if is_strict else RANKED

    @property
    def is_limited(self) -> bool:
        """Return True if words to leave out or a number of papers are set, or have errors."""
        names = ("excluded_words", "max_papers")
        return any(self.errors.get(name) or self[name].value() for name in names)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("kind") == STRICT:
            self._check_query(cleaned)
        else:
            cleaned |= {"query": "", "all_matches": False}
            self._check_content(cleaned)
        return cleaned

    def _check_query(self, cleaned: dict[str, Any]) -> None:
        """Reject a query that finds nothing."""
        if "query" not in cleaned:
            return
        cleaned["query"] = query = " ".join(cleaned["query"].split())
        parsed = parse_query(query)
        if not query:
            self.add_error("query", gettext("Type a search."))
        elif not parsed:
            texts = [describe_problem(problem) for problem in parsed.problems]
            self.add_error("query", texts or [gettext("This search can't find anything.")])

    def _check_content(self, cleaned: dict[str, Any]) -> None:
        """Reject a new topic that looks for nothing."""
        names = ("text", "examples", "words", "authors", "categories")
        if not self.instance.pk and not self.errors and not any(cleaned.get(n) for n in names):
            self.add_error("text", gettext("Say what the topic looks for."))

    def query_problems(self) -> list[str]:
        """Return the problems of a valid form's query; the rest of the query works."""
        parsed = parse_query(self.instance.query)
        return [describe_problem(problem) for problem in parsed.problems]

    @property
    def is_accepted(self) -> bool:
        """Return True if the query has no problems, or they were shown before."""
        accepted = " ".join(self.cleaned_data["accepted"].split())
        return not self.query_problems() or accepted == self.instance.query

    def show_problems(self) -> None:
        """Show the problems at the query. Saving again accepts them."""
        if problems := self.query_problems():
            text = gettext("You can save it all the same. It then looks for: %(query)s")
            again = text % {"query": describe_query(self.instance.query)}
            self.add_error("query", [ValidationError(problem) for problem in [*problems, again]])

    def topic_values(self) -> dict[str, Any]:
        """Return the field values of a valid form."""
        return {name: getattr(self.instance, name) for name in self._meta.fields or ()}


def initial_from_query(params: Mapping[str, str]) -> dict[str, Any]:
    """Return initial values of a new topic from a query string; invalid ones are dropped.

    `q` is a search, `like` a paper by arXiv ID or key, and `author` and `subject` are names.
    """
    values = _search_values(params.get("q", "")[:QUERY_LENGTH])
    values |= _example_values(params.get("like", ""))
    for param, name in (("author", "authors"), ("subject", "categories")):
        if entries := _clean(name, params.get(param, "")):
            values[name] = entries
    return values


def _search_values(typed: str) -> dict[str, Any]:
    search = SavedSearch.of_query(typed)
    if search.text:
        return {"text": search.text}
    query = search.query or " ".join(typed.split())
    return {"query": query} if query else {}


def _example_values(paper: str) -> dict[str, Any]:
    """Return the paper as an example, or its title as the text if it has no arXiv ID."""
    if not (paper.isdecimal() and len(paper) <= MAX_KEY_DIGITS):
        examples = _clean("examples", paper)
        return {"examples": examples} if examples else {}
    row = Paper.objects.visible().filter(pk=int(paper)).first()
    if row is None:
        return {}
    return {"examples": [row.arxiv_id]} if row.arxiv_id else {"text": row.title}


def _clean(name: str, typed: str) -> Any:
    try:
        return TopicPageForm.base_fields[name].clean(typed)
    except ValidationError:
        return None
