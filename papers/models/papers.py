"""Papers, their popularity, their earlier versions and the changes to them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class Window(models.TextChoices):
    """The period of a list of trending papers."""

    DAY = "day", _("Day")
    WEEK = "week", _("Week")
    MONTH = "month", _("Month")

    @property
    def days(self) -> int:
        """Return the length of the period in days."""
        return {Window.DAY: 1, Window.WEEK: 7, Window.MONTH: 30}[self]


class PaperQuerySet(models.QuerySet["Paper"]):
    def visible(self) -> PaperQuerySet:
        return self.filter(hidden=False, withdrawn=False)

    def on(self, day: date) -> PaperQuerySet:
        return self.filter(day=day)

    def within(self, window: Window, day: date) -> PaperQuerySet:
        """Return the papers of the period that ends with this day."""
        return self.filter(day__gt=day - timedelta(days=window.days), day__lte=day)

    def hottest(self) -> PaperQuerySet:
        """Order by popularity, regardless of age; the newest paper first among equals."""
        return self.order_by("-heat", "-pk")

    def outstanding(self) -> PaperQuerySet:
        """Order by popularity relative to the field, so that small fields are visible."""
        return self.order_by("-standing", "-pk")

    def trending(self) -> PaperQuerySet:
        """Order by the trending score, which halves for each day of age."""
        return self.order_by("-score", "-pk")

    def likely_to_trend(self) -> PaperQuerySet:
        """Return the papers whose forecast is shown, the most probable first."""
        return self.exclude(forecast_reason={}).order_by("-forecast", "-pk")

    def fields(self) -> list[tuple[str, int]]:
        """Return the primary categories and the number of papers in each, largest first."""
        categorised = self.exclude(field="").order_by().values_list("field")
        return list(categorised.annotate(papers=models.Count("pk")).order_by("-papers", "field"))

    def with_pictures(self) -> PaperQuerySet:
        """Annotate each paper with `has_picture`."""
        thumbnails = Thumbnail.objects.filter(paper=models.OuterRef("pk")).exclude(media_type="")
        return self.annotate(has_picture=models.Exists(thumbnails))

    def news(self, day: date, lookback_days: int) -> PaperQuerySet:
        """Return the candidates for the edition of `day`: new or featured papers, no revisions."""
        first = day - timedelta(days=lookback_days)
        revised = models.Q(featured_on=None, announce_type__startswith="replace")
        return self.visible().filter(day__gt=first, day__lte=day).exclude(revised)


class Paper(models.Model):
    """A paper, regardless of how many lists, versions and feeds announced it."""

    arxiv_id = models.CharField(max_length=30, null=True, blank=True, unique=True)
    doi = models.CharField(max_length=300, null=True, blank=True, unique=True)
    title_key = models.CharField(
        max_length=400,
        db_index=True,
        editable=False,
        help_text="Normalised title and first author; identifies papers without an ID.",
    )
    version = models.PositiveSmallIntegerField(null=True, blank=True)
    title = models.TextField()
    title_raw = models.TextField(editable=False, help_text="As received.")
    abstract = models.TextField(blank=True)
    abstract_raw = models.TextField(blank=True, editable=False, help_text="As received.")
    tldr = models.TextField(blank=True, help_text="A summary provided by the source.")
    text_source = models.CharField(
        max_length=20, editable=False, help_text="The kind of source that provided the text."
    )
    authors = models.JSONField(default=list)
    categories = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    field = models.GeneratedField(
        expression=Coalesce(models.F("categories__0"), models.Value("")),
        output_field=models.CharField(max_length=100),
        db_persist=True,
        help_text="The primary category.",
    )
    announce_type = models.CharField(max_length=20, blank=True)
    journal_ref = models.CharField(max_length=500, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(null=True, blank=True)
    listed_on = models.DateField(help_text="First day in a list.")
    featured_on = models.DateField(
        null=True, blank=True, help_text="First day featured by the community."
    )
    day = models.GeneratedField(
        expression=Coalesce("featured_on", "listed_on"),
        output_field=models.DateField(),
        db_persist=True,
        help_text="The day the paper counts as news.",
    )
    abstract_url = models.URLField(max_length=2000, blank=True)
    pdf_url = models.URLField(max_length=2000, blank=True)
    code_url = models.URLField(max_length=2000, blank=True)
    project_url = models.URLField(max_length=2000, blank=True)
    thumbnail_url = models.URLField(max_length=2000, blank=True)
    votes = models.PositiveIntegerField(default=0)
    comments = models.PositiveIntegerField(default=0)
    stars = models.PositiveIntegerField(default=0)
    site_votes = models.PositiveIntegerField(default=0, help_text="Votes of our readers.")
    liked = models.PositiveIntegerField(
        default=0, help_text="Readers who asked for more papers like this."
    )
    forecast = models.FloatField(
        null=True,
        editable=False,
        help_text="Probability, predicted on arrival, that the community will feature the paper.",
    )
    forecast_reason = models.JSONField(
        default=dict,
        editable=False,
        help_text="The words and authors behind a forecast while it is shown; else empty.",
    )
    heat = models.FloatField(default=0, help_text="Trending score before the decay by age.")
    standing = models.FloatField(
        default=0, help_text="Heat relative to the field; comparable across fields."
    )
    score = models.FloatField(default=0, help_text="Trending score: heat, decayed by age.")
    score_parts = models.JSONField(default=dict, help_text="The parts of the score.")
    scored_at = models.DateTimeField(null=True, blank=True)
    featured = models.BooleanField("curator's pick", default=False)
    note = models.TextField("curator's note", blank=True)
    hidden = models.BooleanField(default=False)
    withdrawn = models.BooleanField(default=False)
    first_seen_at = models.DateTimeField()
    text_seen_at = models.DateTimeField(
        editable=False, help_text="When the document that provided the text was first seen."
    )

    objects = PaperQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["title_key"],
                condition=models.Q(arxiv_id=None, doi=None),
                name="paper_without_id_unique_title",
            )
        ]
        indexes = [
            models.Index(fields=["day", "-heat"], name="paper_day_heat"),
            models.Index(fields=["field", "day", "-heat"], name="paper_field_day_heat"),
            models.Index(fields=["-score", "-id"], name="paper_score"),
            GinIndex(fields=["categories"], name="paper_categories"),
            models.Index(
                fields=["id"],
                condition=models.Q(hidden=True) | models.Q(withdrawn=True),
                name="paper_out_of_sight",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("paper", args=[self.pk])

    @property
    def all_votes(self) -> int:
        """Return the votes from sources and from our readers."""
        return self.votes + self.site_votes

    @property
    def language(self) -> str:
        """Return the language code for the HTML `lang` attribute, used by screen readers.

        The code is empty if most letters of the title are not Latin.
        """
        letters = "" if self.title.isascii() else [char for char in self.title if char.isalpha()]
        latin = sum(letter < "\u0250" for letter in letters)
        return "en" if 2 * latin >= len(letters) else ""

    @property
    def tldr_by(self) -> str:
        """Return the author of `tldr`; only Hugging Face provides such summaries so far."""
        return "Hugging Face" if self.tldr else ""

    @property
    def venue(self) -> str:
        """Return the journal reference or DOI link; "" for a preprint."""
        return self.journal_ref or (f"https://doi.org/{self.doi}" if self.doi else "")

    def get_ranking_url(self) -> str:
        return reverse("ranking", args=[self.pk])

    @property
    def primary_category(self) -> str:
        return self.categories[0] if self.categories else ""


class Thumbnail(models.Model):
    """A picture of a paper, as the source provided it; empty if it could not be fetched."""

    paper = models.OneToOneField(Paper, on_delete=models.CASCADE, primary_key=True)
    media_type = models.CharField(max_length=20, blank=True)
    body = models.BinaryField()
    fetched_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.paper_id}: {self.media_type or 'none'}"


class Observation(models.Model):
    """The popularity of a paper at one moment, as counted by one kind of source."""

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="observations")
    kind = models.CharField(max_length=20)
    observed_at = models.DateTimeField()
    votes = models.PositiveIntegerField(null=True)
    comments = models.PositiveIntegerField(null=True)
    stars = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["paper", "kind", "observed_at"], name="observation_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.paper_id} at {self.observed_at:%Y-%m-%d %H:%M}: {self.figures()}"

    def figures(self) -> dict[str, Any]:
        names = ("votes", "comments", "stars")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Version(models.Model):
    """An earlier version of a paper, as it was before a later one replaced it."""

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveSmallIntegerField()
    title = models.TextField()
    abstract = models.TextField(blank=True)
    replaced_at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["paper", "number"], name="version_unique")]

    def __str__(self) -> str:
        return f"v{self.number} of {self.paper_id}"


class PaperUpdate(models.Model):
    """A change to a paper after it was first announced: code, publication, version, withdrawal."""

    class Kind(models.TextChoices):
        CODE = "code", _("now has code")
        VENUE = "venue", _("has been published")
        WITHDRAWN = "withdrawn", _("has been withdrawn")
        VERSION = "version", _("has a new version")

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="updates")
    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField(db_index=True)
    detail = models.TextField(blank=True, help_text="The code's address or the journal.")

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(fields=["paper", "kind"], name="paper_update_unique")
        ]

    def __str__(self) -> str:
        return f"{self.paper_id} {self.get_kind_display()}"
