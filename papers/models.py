"""What was published and how much it is talked about. Knows nothing of readers."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

MAX_WAIT = timedelta(days=1)  # between two checks, whatever failed or was asked for


class SourceQuerySet(models.QuerySet["Source"]):
    def due(self, now: datetime) -> SourceQuerySet:
        """Sources to check now; also those put off further than any wait, by a clock that ran
        ahead."""
        longest = models.F("check_every") * timedelta(minutes=1) + 2 * MAX_WAIT
        ahead = models.Q(next_check_at__gt=models.Value(now) + longest)
        due = models.Q(next_check_at__lte=now) | ahead
        return self.filter(due, active=True, parked_at=None)

    def claim(self, pk: int, now: datetime) -> bool:
        """Take a due source for one check; False means somebody else has it.

        The next check is set before the slow part, so that a crash costs one check at most.
        """
        later = now + models.F("check_every") * timedelta(minutes=1)
        return bool(self.due(now).filter(pk=pk).update(next_check_at=later))


class Source(models.Model):
    """A feed that is read again and again, and how well that goes."""

    class Kind(models.TextChoices):
        ARXIV_RSS = "arxiv-rss", "arXiv RSS"
        ARXIV_API = "arxiv-api", "arXiv API"
        ARXIV_OAI = "arxiv-oai", "arXiv OAI-PMH"
        HF_DAILY = "hf-daily", "Hugging Face Daily Papers"
        FEED = "feed", "RSS, Atom, RDF or JSON feed"

    name = models.CharField(
        max_length=200, blank=True, help_text="Empty: the document's own title, once it is read."
    )
    kind = models.CharField(
        max_length=20, choices=Kind, blank=True, help_text="Empty: recognised from the document."
    )
    url = models.URLField("address", max_length=2000, unique=True)
    active = models.BooleanField(default=True)
    check_every = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(5)], help_text="Minutes between two checks."
    )
    next_check_at = models.DateTimeField(db_index=True, default=timezone.now)
    etag = models.CharField(max_length=500, blank=True, editable=False)
    last_modified = models.CharField(max_length=100, blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    succeeded_at = models.DateTimeField(null=True, blank=True, editable=False)
    outcome = models.CharField(max_length=40, blank=True, editable=False)
    error = models.TextField(blank=True, editable=False)
    failures = models.PositiveIntegerField(
        default=0, editable=False, help_text="Failed checks in a row."
    )
    parked_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Since when it is left alone, after too many failures; “check now” wakes it.",
    )

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ["name", "url"]

    def __str__(self) -> str:
        return self.name or self.url


class Document(models.Model):
    """One document as it was received, known by its bytes, with what came of its entries."""

    source = models.ForeignKey(Source, null=True, blank=True, on_delete=models.SET_NULL)
    kind = models.CharField(max_length=20)
    location = models.CharField(max_length=2000, help_text="Address or path it was read from.")
    title = models.CharField(max_length=500, blank=True)
    sha256 = models.CharField(max_length=64, unique=True)
    first_seen_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True, help_text="Its own date.")
    covers = models.DateField(null=True, blank=True, help_text="The day of the list it holds.")
    categories = models.JSONField(
        default=dict, help_text="Entries and newest day of each category in it."
    )
    entries = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=list, help_text="Why entries were refused.")

    class Meta:
        ordering = ["-first_seen_at"]

    def __str__(self) -> str:
        return f"{self.location} ({self.first_seen_at:%Y-%m-%d %H:%M})"


class SourceCheck(models.Model):
    """One look at a source: what came of the request, and what that says of the day."""

    class State(models.TextChoices):
        FRESH = "fresh", _("up to date")
        QUIET = "quiet", _("quiet day")
        WAITING = "waiting", _("not out yet")
        STALE = "stale", _("late")
        PARTIAL = "partial", _("incomplete")
        BROKEN = "broken", _("broken")
        POSTPONED = "postponed", _("postponed")

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="checks")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=40, help_text="What came of the request, by name.")
    status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status, if one came.")
    detail = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State)
    reason = models.TextField(blank=True, help_text="The state in a plain sentence.")
    said = models.JSONField(null=True, help_text="The same, for other languages.")
    categories = models.JSONField(default=dict, help_text="State and reason of each category.")
    document = models.ForeignKey(Document, null=True, on_delete=models.SET_NULL)
    new = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["source", "-at"], name="check_source_at")]

    def __str__(self) -> str:
        return f"{self.source_id} at {self.at:%Y-%m-%d %H:%M}: {self.outcome}, {self.state}"


class Window(models.TextChoices):
    """How far back a list of trending papers reaches."""

    DAY = "day", _("Day")
    WEEK = "week", _("Week")
    MONTH = "month", _("Month")

    @property
    def days(self) -> int:
        return {Window.DAY: 1, Window.WEEK: 7, Window.MONTH: 30}[self]


class PaperQuerySet(models.QuerySet["Paper"]):
    def visible(self) -> PaperQuerySet:
        return self.filter(hidden=False, withdrawn=False)

    def on(self, day: date) -> PaperQuerySet:
        return self.filter(day=day)

    def within(self, window: Window, day: date) -> PaperQuerySet:
        """Papers of the day, or of the week or month that ends with it."""
        return self.filter(day__gt=day - timedelta(days=window.days), day__lte=day)

    def hottest(self) -> PaperQuerySet:
        """What is talked about most first, whatever its age: the order within a window.

        The newest paper wins a tie, so that the order is stable."""
        return self.order_by("-heat", "-pk")

    def outstanding(self) -> PaperQuerySet:
        """What stands out most in its own field first, so that small fields show."""
        return self.order_by("-standing", "-pk")

    def trending(self) -> PaperQuerySet:
        """What trends by now first: a day's age costs one doubling."""
        return self.order_by("-score", "-pk")

    def fields(self) -> list[tuple[str, int]]:
        """The primary categories of these papers and how many are in each, the largest first."""
        counted = self.exclude(field="").order_by().values_list("field")
        return list(counted.annotate(papers=models.Count("pk")).order_by("-papers", "field"))

    def with_pictures(self) -> PaperQuerySet:
        """Each knows as `has_picture` whether there is one to show."""
        theirs = Thumbnail.objects.filter(paper=models.OuterRef("pk")).exclude(media_type="")
        return self.annotate(has_picture=models.Exists(theirs))

    def news(self, day: date, lookback_days: int) -> PaperQuerySet:
        """What may stand in an edition of `day`: new or newly featured, not a mere revision."""
        first = day - timedelta(days=lookback_days)
        revised = models.Q(featured_on=None, announce_type__startswith="replace")
        return self.visible().filter(day__gt=first, day__lte=day).exclude(revised)


class Paper(models.Model):
    """One paper, however many lists, versions and feeds it was announced in."""

    arxiv_id = models.CharField(max_length=30, null=True, blank=True, unique=True)
    doi = models.CharField(max_length=300, null=True, blank=True, unique=True)
    title_key = models.CharField(
        max_length=400,
        db_index=True,
        editable=False,
        help_text="Normalised title and first author: the identity where there is no id.",
    )
    version = models.PositiveSmallIntegerField(null=True, blank=True)
    title = models.TextField()
    title_raw = models.TextField(editable=False, help_text="As received.")
    abstract = models.TextField(blank=True)
    abstract_raw = models.TextField(blank=True, editable=False, help_text="As received.")
    tldr = models.TextField(blank=True, help_text="A summary that the source brings.")
    text_source = models.CharField(
        max_length=20, editable=False, help_text="The kind of source the text is from."
    )
    authors = models.JSONField(default=list)
    categories = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    field = models.GeneratedField(
        expression=Coalesce(models.F("categories__0"), models.Value("")),
        output_field=models.CharField(max_length=100),
        db_persist=True,
        help_text="Its primary category.",
    )
    announce_type = models.CharField(max_length=20, blank=True)
    journal_ref = models.CharField(max_length=500, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(null=True, blank=True)
    listed_on = models.DateField(help_text="First day it stood in a list.")
    featured_on = models.DateField(
        null=True, blank=True, help_text="First day it was featured by the community."
    )
    day = models.GeneratedField(
        expression=Coalesce("featured_on", "listed_on"),
        output_field=models.DateField(),
        db_persist=True,
        help_text="The day it is news.",
    )
    abstract_url = models.URLField(max_length=2000, blank=True)
    pdf_url = models.URLField(max_length=2000, blank=True)
    code_url = models.URLField(max_length=2000, blank=True)
    project_url = models.URLField(max_length=2000, blank=True)
    thumbnail_url = models.URLField(max_length=2000, blank=True)
    votes = models.PositiveIntegerField(default=0)
    comments = models.PositiveIntegerField(default=0)
    stars = models.PositiveIntegerField(default=0)
    site_votes = models.PositiveIntegerField(default=0, help_text="Of our own readers.")
    liked = models.PositiveIntegerField(
        default=0, help_text="Readers of ours who asked for more like it."
    )
    appeal = models.FloatField(
        null=True,
        editable=False,
        help_text="Votes predicted from its words, in doublings of the usual paper's votes.",
    )
    heat = models.FloatField(default=0, help_text="Trending score before the decay by age.")
    standing = models.FloatField(
        default=0, help_text="Its heat against the usual of its field; comparable across fields."
    )
    score = models.FloatField(default=0, help_text="Its heat and its day: what trends by now.")
    score_parts = models.JSONField(default=dict, help_text="What the score is made of.")
    scored_at = models.DateTimeField(null=True, blank=True)
    featured = models.BooleanField("curator's pick", default=False)
    note = models.TextField("curator's note", blank=True)
    hidden = models.BooleanField(default=False)
    withdrawn = models.BooleanField(default=False)
    first_seen_at = models.DateTimeField()
    text_seen_at = models.DateTimeField(
        editable=False, help_text="When the document that gave the text was first seen."
    )

    objects = PaperQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["title_key"],
                condition=models.Q(arxiv_id=None, doi=None),
                name="paper_without_id_is_known_by_title",
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
        """The votes counted elsewhere and those of our own readers."""
        return self.votes + self.site_votes

    @property
    def language(self) -> str:
        """As pages mark its text, so that screen readers pronounce it right: "" is unknown, where
        most letters of the title are not Latin and a wrong mark would be worse than none."""
        letters = "" if self.title.isascii() else [one for one in self.title if one.isalpha()]
        latin = sum(one < "\u0250" for one in letters)
        return "en" if 2 * latin >= len(letters) else ""

    @property
    def tldr_by(self) -> str:
        """Who wrote `tldr`; so far one source alone brings such summaries, made by its model."""
        return "Hugging Face" if self.tldr else ""

    @property
    def venue(self) -> str:
        """Where it was published; "" for a preprint."""
        return self.journal_ref or (f"https://doi.org/{self.doi}" if self.doi else "")

    def get_ranking_url(self) -> str:
        return reverse("ranking", args=[self.pk])

    @property
    def primary_category(self) -> str:
        return self.categories[0] if self.categories else ""


class Thumbnail(models.Model):
    """A picture of a paper, as its source had it; empty where it could not be had."""

    paper = models.OneToOneField(Paper, on_delete=models.CASCADE, primary_key=True)
    media_type = models.CharField(max_length=20, blank=True)
    body = models.BinaryField()
    fetched_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.paper_id}: {self.media_type or 'none'}"


class Observation(models.Model):
    """How much a paper was talked about at one moment, as one kind of source counted it."""

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="observations")
    kind = models.CharField(max_length=20)
    observed_at = models.DateTimeField()
    votes = models.PositiveIntegerField(null=True)
    comments = models.PositiveIntegerField(null=True)
    stars = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["paper", "kind", "observed_at"], name="one_observation_a_moment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.paper_id} at {self.observed_at:%Y-%m-%d %H:%M}: {self.figures()}"

    def figures(self) -> dict[str, Any]:
        names = ("votes", "comments", "stars")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Version(models.Model):
    """A version of a paper that a later one has replaced, as it stood."""

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveSmallIntegerField()
    title = models.TextField()
    abstract = models.TextField(blank=True)
    replaced_at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["paper", "number"], name="a_version_is_kept_once")
        ]

    def __str__(self) -> str:
        return f"v{self.number} of {self.paper_id}"


class PaperUpdate(models.Model):
    """What became of a paper after it was first told of."""

    class Kind(models.TextChoices):
        CODE = "code", _("now has code")
        VENUE = "venue", _("has been published")
        WITHDRAWN = "withdrawn", _("has been withdrawn")

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="updates")
    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField(db_index=True)
    detail = models.TextField(blank=True, help_text="The code's address, the journal.")

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(fields=["paper", "kind"], name="a_development_is_told_once")
        ]

    def __str__(self) -> str:
        return f"{self.paper_id} {self.get_kind_display()}"


class Submission(models.Model):
    """A paper that a reader proposes; it comes in once a curator says so."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting for a curator")
        FETCHING = "fetching", _("accepted, waiting for arXiv")
        ACCEPTED = "accepted", _("accepted")
        REFUSED = "refused", _("refused")

    arxiv_id = models.CharField(max_length=30, unique=True)
    note = models.CharField("why", max_length=500, blank=True)
    by = models.CharField(max_length=64, editable=False, help_text="Who, as a key without a name.")
    at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    outcome = models.CharField(max_length=300, blank=True, help_text="What came of fetching it.")
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    next_try_at = models.DateTimeField(null=True, editable=False)
    paper = models.ForeignKey(Paper, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.arxiv_id} ({self.get_status_display()})"


class Report(models.Model):
    """A reader says that a paper should not be here; a curator decides."""

    class Status(models.TextChoices):
        WAITING = "waiting", "waiting for a curator"
        UPHELD = "upheld", "upheld: the paper is hidden"
        DISMISSED = "dismissed", "dismissed"

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="reports")
    by = models.CharField(max_length=64, editable=False, help_text="Who, as a key without a name.")
    why = models.CharField(max_length=500)
    at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["paper", "by"], name="one_report_a_reader")]

    def __str__(self) -> str:
        return f"report on {self.paper_id} ({self.get_status_display()})"


class Block(models.Model):
    """What a curator keeps out: papers that match are hidden, now and when they come."""

    class Kind(models.TextChoices):
        TITLE = "title", "words in the title"
        AUTHOR = "author", "an author's name"
        SITE = "site", "a source: the site of the paper's page"

    kind = models.CharField(max_length=10, choices=Kind)
    value = models.CharField(max_length=300, help_text="As typed.")
    key = models.CharField(max_length=300, editable=False, help_text="As compared.")
    why = models.CharField(max_length=500, blank=True)
    by = models.CharField(max_length=150, editable=False)
    at = models.DateTimeField(editable=False)
    hid = ArrayField(models.BigIntegerField(), default=list, editable=False)

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="blocked_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.value}"


class Merge(models.Model):
    """Two rows that turned out to be one paper: `kept` stands for both."""

    kept = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="merges")
    merged = models.OneToOneField(Paper, on_delete=models.CASCADE, related_name="merged_into")
    was_hidden = models.BooleanField(default=False)
    by = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.merged_id} into {self.kept_id}"


class Vote(models.Model):
    """A reader's vote on the site; one each."""

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="site_vote_rows")
    by = models.CharField(max_length=64, help_text="Who, as a key without a name.")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["paper", "by"], name="one_vote_a_reader")]

    def __str__(self) -> str:
        return f"vote on {self.paper_id}"


class StoredAppeal(models.Model):
    """What words went with votes, as learnt on one day; the newest is the one in use."""

    data = models.BinaryField()
    papers = models.PositiveIntegerField(help_text="How many papers it was learnt from.")
    made_at = models.DateTimeField()

    class Meta:
        get_latest_by = "made_at"

    def __str__(self) -> str:
        return f"of {self.papers} papers"


class StoredLexicon(models.Model):
    """A lexicon learnt from the papers on one day; the newest is the one in use."""

    version = models.CharField(max_length=32, unique=True)
    data = models.BinaryField()
    papers = models.PositiveIntegerField(help_text="How many papers it was learnt from.")
    made_at = models.DateTimeField()
    meant_at = models.DateTimeField(
        null=True, editable=False, help_text="When all papers had their meanings by it."
    )

    class Meta:
        get_latest_by = "made_at"
        verbose_name_plural = "stored lexicons"

    def __str__(self) -> str:
        return f"{self.version} of {self.papers} papers"


class SearchEntry(models.Model):
    """The words a paper is found by, made by `papers.text.lexemes`.

    A table of its own: the paper's figures change all day, this index does not."""

    paper = models.OneToOneField(
        Paper, on_delete=models.CASCADE, primary_key=True, related_name="search_entry"
    )
    text_seen_at = models.DateTimeField(help_text="The paper's own, when this was made.")
    method = models.PositiveSmallIntegerField(help_text="Version of `lexemes` that made it.")
    words = SearchVectorField()

    class Meta:
        verbose_name_plural = "search entries"
        indexes = [GinIndex(fields=["words"], name="search_words")]

    def __str__(self) -> str:
        return f"words of {self.paper_id}"


class SearchWord(models.Model):
    """A word of titles and author names, for who mistypes it."""

    word = models.CharField(max_length=40, primary_key=True)
    papers = models.PositiveIntegerField(help_text="How many have had it.")

    class Meta:
        indexes = [GinIndex(fields=["word"], name="search_spelling", opclasses=["gin_trgm_ops"])]

    def __str__(self) -> str:
        return self.word


class PaperVector(models.Model):
    """Where a paper lies in the space of one lexicon's meanings (unit length, its width)."""

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="meanings")
    version = models.CharField(max_length=32, help_text="Of the lexicon; never mixed.")
    vector = HalfVectorField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "paper"], name="one_meaning_a_version")
        ]

    def __str__(self) -> str:
        return f"{self.paper_id} by {self.version}"
