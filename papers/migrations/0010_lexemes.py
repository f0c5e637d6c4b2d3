import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The search index is made by `papers.lexemes` and no longer by PostgreSQL; all papers are
    entered again by the next `catch_up`."""

    dependencies = [
        ("papers", "0009_out_of_sight"),
    ]

    operations = [
        migrations.DeleteModel(name="SearchEntry"),
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
                (
                    "method",
                    models.PositiveSmallIntegerField(
                        help_text="Of `papers.lexemes`, when it was made."
                    ),
                ),
                ("words", django.contrib.postgres.search.SearchVectorField()),
            ],
            options={
                "verbose_name_plural": "search entries",
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(fields=["words"], name="search_words")
                ],
            },
        ),
        # Kept with its row instead of apart, since ranking reads it of a thousand rows at once.
        migrations.RunSQL(
            "ALTER TABLE papers_searchentry ALTER COLUMN words SET STORAGE MAIN",
            migrations.RunSQL.noop,
        ),
        # They are counted again as the papers are entered.
        migrations.RunSQL("DELETE FROM papers_searchword", migrations.RunSQL.noop),
    ]
