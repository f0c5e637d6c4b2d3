from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Search asks which of its thousand papers are out of sight; hardly any are."""

    atomic = False

    dependencies = [
        ("papers", "0008_what_checks_say"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="paper",
            index=models.Index(
                fields=["id"],
                condition=models.Q(hidden=True) | models.Q(withdrawn=True),
                name="paper_out_of_sight",
            ),
        ),
    ]
