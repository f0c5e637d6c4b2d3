"""Topics in words: what each looks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from papers.models import Paper
from papers.searching.queries import parse_query
from papers.searching.query_descriptions import describe
from papers.text.shortening import join_names, truncate
from subscriptions.models import Reaction, Topic
from subscriptions.profiles.load import zotero_examples

TEXT_LENGTH = 200  # characters
MAX_NAMES = 4  # words, authors or subjects


def describe_topics(topics: Sequence[Topic]) -> list[str]:
    """Return what each stored topic looks for, in the active language."""
    examples = {topic.examples[0] for topic in topics if topic.examples}
    titles = dict(Paper.objects.filter(arxiv_id__in=examples).values_list("arxiv_id", "title"))
    more = Count("reactions", filter=Q(reactions__kind=Reaction.Kind.MORE))
    rows = Topic.objects.filter(pk__in=[topic.pk for topic in topics]).annotate(liked=more)
    liked = dict(rows.values_list("pk", "liked"))
    zotero = zotero_examples(list(liked))
    return [
        _describe(topic, titles, liked.get(topic.pk, 0) + len(zotero[topic.pk])) for topic in topics
    ]


def describe_query(query: str) -> str:
    """Return what a strict query looks for, in the active language."""
    return describe(parse_query(query).tree)


def _describe(topic: Topic, titles: Mapping[str | None, str], liked: int) -> str:
    if topic.query:
        parts = [_("Everything that matches: %(query)s") % {"query": describe_query(topic.query)}]
    else:
        parts = _ranked_parts(topic, titles, liked)
    if topic.excluded_words:
        parts.append(_("not %(words)s") % {"words": _quoted(topic.excluded_words)})
    return "; ".join(parts)


def _ranked_parts(topic: Topic, titles: Mapping[str | None, str], liked: int) -> list[str]:
    text = truncate(" ".join(topic.text.split()), TEXT_LENGTH)
    parts = [_("“%(words)s”") % {"words": text}] if text else []
    if topic.words:
        parts.append(_("the words %(words)s") % {"words": _quoted(topic.words)})
    if count := len(topic.examples) + len(topic.references) + liked:
        parts.append(_like(titles.get(topic.examples[0], "") if topic.examples else "", count))
    if topic.authors:
        parts.append(_("papers by %(names)s") % {"names": join_names(topic.authors, MAX_NAMES)})
    if topic.categories:
        names = join_names(topic.categories, MAX_NAMES)
        parts.append(_("subjects: %(names)s") % {"names": names})
    return parts


def _like(title: str, count: int) -> str:
    """Return "papers like “Title” and 3 others", or only the number without a title."""
    if not title:
        text = ngettext("papers like 1 example", "papers like %(count)s examples", count)
    elif count == 1:
        text = _("papers like “%(title)s”")
    else:
        text = ngettext(
            "papers like “%(title)s” and 1 other",
            "papers like “%(title)s” and %(others)s others",
            count - 1,
        )
    return text % {"title": title, "count": count, "others": count - 1}


def _quoted(words: Iterable[str]) -> str:
    return join_names([_("“%(words)s”") % {"words": word} for word in words], MAX_NAMES)
