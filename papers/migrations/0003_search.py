import django.db.models.deletion
import pgvector.django
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import TrigramExtension
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import migrations, models


class Migration(migrations.Migration):
    """New tables only: nothing that is read or written now is locked."""

    dependencies = [
        ("papers", "0002_sources"),
    ]

    operations = [
        pgvector.django.VectorExtension(),
        TrigramExtension(),
        migrations.CreateModel(
            name="Meaning",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "paper",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="meanings",
                        to="papers.paper",
                    ),
                ),
                (
                    "version",
                    models.CharField(help_text="Of the lexicon; never mixed.", max_length=32),
                ),
                ("vector", pgvector.django.HalfVectorField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("version", "paper"), name="one_meaning_a_version"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SearchEntry",
            fields=[
                (
                    "paper",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_entry",
                        serialize=False,
                        to="papers.paper",
                    ),
                ),
                (
                    "text_seen_at",
                    models.DateTimeField(help_text="The paper's own, when this was made."),
                ),
                ("title", models.TextField()),
                ("abstract", models.TextField()),
                ("authors", models.TextField()),
                (
                    "words",
                    models.GeneratedField(
                        db_persist=True,
                        expression=SearchVector("title", weight="A", config="english")
                        + SearchVector("abstract", weight="B", config="english")
                        + SearchVector("authors", weight="D", config="simple"),
                        output_field=SearchVectorField(),
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "search entries",
                "indexes": [GinIndex(fields=["words"], name="search_words")],
            },
        ),
        # Kept with its row instead of apart, since ranking reads it of a thousand rows at once.
        migrations.RunSQL(
            "ALTER TABLE papers_searchentry ALTER COLUMN words SET STORAGE MAIN",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="SearchWord",
            fields=[
                ("word", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("papers", models.PositiveIntegerField(help_text="How many have had it.")),
            ],
            options={
                "indexes": [
                    GinIndex(fields=["word"], name="search_spelling", opclasses=["gin_trgm_ops"])
                ],
            },
        ),
        migrations.AddField(
            model_name="storedlexicon",
            name="meant_at",
            field=models.DateTimeField(
                editable=False, help_text="When all papers had their meanings by it.", null=True
            ),
        ),
    ]
