from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    """Built while papers are read and written as ever."""

    atomic = False

    dependencies = [
        ("papers", "0003_search"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="paper",
            index=GinIndex(fields=["categories"], name="paper_categories"),
        ),
    ]
