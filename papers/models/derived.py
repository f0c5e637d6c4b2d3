"""Forecasts, lexicons, vectors and search words, all computed from papers."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from pgvector.django import HalfVectorField

from papers.models.papers import Paper


class StoredForecast(models.Model):
    """A model that predicts which papers will be featured; the newest row is in use.

    `hits` is the hit rate of earlier predictions when it was made (`papers.ranking.hit_rate`).
    """

    data = models.BinaryField()
    papers = models.PositiveIntegerField(help_text="Number of papers it was learnt from.")
    hits = models.JSONField(default=dict)
    made_at = models.DateTimeField()

    class Meta:
        get_latest_by = "made_at"

    def __str__(self) -> str:
        return f"of {self.papers} papers"


class StoredLexicon(models.Model):
    """A lexicon learnt from the papers; the newest row is in use."""

    version = models.CharField(max_length=32, unique=True)
    data = models.BinaryField()
    papers = models.PositiveIntegerField(help_text="Number of papers it was learnt from.")
    made_at = models.DateTimeField()
    vectorized_at = models.DateTimeField(
        null=True, editable=False, help_text="When all papers had their vectors."
    )

    class Meta:
        get_latest_by = "made_at"
        verbose_name_plural = "stored lexicons"

    def __str__(self) -> str:
        return f"{self.version} of {self.papers} papers"


class SearchEntry(models.Model):
    """The search words of a paper, built by `papers.text.lexemes`.

    This is a separate table because the paper's counts change all day and its words do not.
    """

    paper = models.OneToOneField(
        Paper, on_delete=models.CASCADE, primary_key=True, related_name="search_entry"
    )
    text_seen_at = models.DateTimeField(help_text="The paper's value when this was built.")
    method = models.PositiveSmallIntegerField(help_text="Version of `lexemes` that built it.")
    words = SearchVectorField()

    class Meta:
        verbose_name_plural = "search entries"
        indexes = [GinIndex(fields=["words"], name="search_words")]

    def __str__(self) -> str:
        return f"words of {self.paper_id}"


class SearchWord(models.Model):
    """A word of titles or author names, to correct misspelt queries."""

    word = models.CharField(max_length=40, primary_key=True)
    papers = models.PositiveIntegerField(help_text="Number of papers with this word.")

    class Meta:
        indexes = [GinIndex(fields=["word"], name="search_spelling", opclasses=["gin_trgm_ops"])]

    def __str__(self) -> str:
        return self.word


class PaperVector(models.Model):
    """A paper's unit vector in the semantic space of one lexicon."""

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="vectors")
    version = models.CharField(
        max_length=32,
        help_text="Version of the lexicon; vectors of two versions are not comparable.",
    )
    vector = HalfVectorField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "paper"], name="paper_vector_unique")
        ]

    def __str__(self) -> str:
        return f"{self.paper_id} by {self.version}"
