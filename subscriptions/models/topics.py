"""Topics: what readers look for. Reactions and opened papers act on them."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from papers.models import Paper
from papers.text.shortening import truncate
from subscriptions.models.readers import Subscriber, string_list_field

TOPIC_TEXT_LENGTH, TOPIC_NAME_LENGTH, QUERY_LENGTH = 2000, 80, 1000  # characters
TITLE_LENGTH = 60  # characters of what a topic looks for, shown in place of a name


class Topic(models.Model):
    """One interest of a reader, as entered: what to look for.

    A topic ranks papers by its text, words, examples, authors and categories, or takes the papers
    that its query matches. Profiles are rebuilt from topics each time, so a new lexicon never
    invalidates a stored profile.
    """

    class Strictness(models.TextChoices):
        ALL = "all", _("Everything that fits")
        GOOD = "good", _("Good fits only")
        ONLY = "only", _("Only when it is really for me")

    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, related_name="topics", db_index=False
    )
    name = models.CharField(
        max_length=TOPIC_NAME_LENGTH,
        blank=True,
        help_text="The title of its section. Empty: named after what it looks for.",
    )
    position = models.PositiveSmallIntegerField(
        default=0, help_text="Order among the reader's topics, from 0 without gaps."
    )
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    text = models.TextField(blank=True, help_text="Free text, as the reader wrote it.")
    words = string_list_field("Words or phrases of interest.")
    excluded_words = string_list_field("Papers that contain one of these are not sent.")
    ignored_words = string_list_field("Words that are ignored in the profile.")
    categories = string_list_field("arXiv categories, such as cs.CL.")
    authors = string_list_field("Followed authors.")
    examples = string_list_field("arXiv IDs of papers the reader likes.")
    references = models.JSONField(
        default=list,
        blank=True,
        help_text="title, arxiv_id and doi of each uploaded paper that is not in the database.",
    )
    strictness = models.CharField(max_length=4, choices=Strictness, default=Strictness.ALL)
    query = models.CharField(
        max_length=QUERY_LENGTH,
        blank=True,
        help_text="A search. If given, the topic takes the papers that match it, and no others.",
    )
    all_matches = models.BooleanField(
        default=False,
        help_text="Send every paper that matches the query, even if it was sent before.",
    )
    max_papers = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(30)],
        help_text="Papers per digest at most. Empty: as many as fit.",
    )
    may_split = models.BooleanField(
        default=True,
        editable=False,
        help_text="Suggest two topics when its papers are about two things.",
    )
    author_page = models.CharField(
        max_length=100,
        blank=True,
        help_text="arXiv author ID or ORCID to take example papers from.",
    )
    author_page_status = models.CharField(max_length=300, blank=True, editable=False)
    author_page_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    matched_on = models.DateField(
        null=True, blank=True, editable=False, help_text="Day of its last paper in a digest."
    )
    quiet_notice_on = models.DateField(
        null=True, blank=True, editable=False, help_text="Day of the last notice of no matches."
    )

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "position"], name="one_topic_per_place")
        ]

    def __str__(self) -> str:
        return self.name or f"topic {self.position + 1} of {self.subscriber_id}"

    @property
    def title(self) -> str:
        """Return the name, or else the start of what it looks for."""
        words = self.query or self.text or ", ".join([*self.words, *self.authors])
        text = " ".join(words.split()) or ", ".join(self.categories)
        return self.name or truncate(text, TITLE_LENGTH) or gettext("For you")

    @property
    def is_blank(self) -> bool:
        """Return True if the topic looks for nothing yet."""
        return not any(getattr(self, name) for name in TOPIC_CONTENT)


TOPIC_CONTENT = (
    *("text", "words", "categories", "authors", "examples", "references", "query"),
    "author_page",
)
"""Fields that say what a topic looks for."""


class Reaction(models.Model):
    """A reader's reaction to a paper."""

    class Kind(models.TextChoices):
        MORE = "more", "more like this"
        LESS = "less", "less like this"

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="reactions")
    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="reactions")
    topic = models.ForeignKey(
        Topic,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="reactions",
        help_text="The topic it acts on. Empty: none, since that topic was deleted.",
    )
    kind = models.CharField(max_length=4, choices=Kind)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "paper"], name="one_reaction_per_paper")
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id}: {self.get_kind_display()} {self.paper_id}"


class OpenedPaperQuerySet(models.QuerySet["OpenedPaper"]):
    def allowed(self) -> OpenedPaperQuerySet:
        """Return rows of readers who still allow recording, newest first."""
        allowing = self.filter(subscriber__learns_from_opened=True)
        return allowing.order_by("-created_at", "-pk")


class OpenedPaper(models.Model):
    """A paper that a reader opened on the site, recorded with their consent."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="opened")
    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="opened")
    topic = models.ForeignKey(
        Topic,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="opened",
        help_text="The topic it acts on. Empty: none, since that topic was deleted.",
    )
    created_at = models.DateTimeField()

    objects = OpenedPaperQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "opened papers"
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "paper"], name="one_opening_per_paper")
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id}: opened {self.paper_id}"
