from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

INDEX = (
    'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "one_digest_a_turn" '
    'ON "subscriptions_digest" ("subscriber_id", "day", "turn")'
)
TURN_AT_MOST = models.CheckConstraint(
    condition=models.Q(("turn__lte", 1)), name="two_turns_at_most"
)


class Migration(migrations.Migration):
    """Built beside the running work: no lock that waits for a scan of the table."""

    atomic = False

    dependencies = [
        ("subscriptions", "0020_digest_turn"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(INDEX, 'DROP INDEX IF EXISTS "one_digest_a_turn"'),
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name="digest",
                    constraint=models.UniqueConstraint(
                        "subscriber", "day", "turn", name="one_digest_a_turn"
                    ),
                ),
            ],
        ),
        migrations.RemoveConstraint(model_name="digest", name="one_digest_a_day"),
        AddConstraintNotValid(model_name="digest", constraint=TURN_AT_MOST),
        ValidateConstraint(model_name="digest", name="two_turns_at_most"),
    ]
