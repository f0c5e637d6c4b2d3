import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0021_one_digest_a_turn"),
    ]

    operations = [
        # The columns stay for workers of the version before; a later release drops them.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField("subscriber", "bidden_goodbye_at"),
                migrations.RemoveField("subscriber", "confirmation_sent_at"),
                migrations.RemoveField("subscriber", "welcomed_at"),
            ]
        ),
        migrations.AlterField(
            model_name="digest",
            name="expires_at",
            field=models.DateTimeField(help_text="Too late to be sent."),
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "reason",
                    models.TextField(
                        blank=True, help_text="Why it was skipped, or what went wrong."
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(help_text="Too late to be sent.")),
                (
                    "queued_at",
                    models.DateTimeField(
                        blank=True, help_text="When workers were last told of it.", null=True
                    ),
                ),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                ("claimed_by", models.CharField(blank=True, max_length=200)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        help_text="The kind of the last hand-over's outcome.",
                        max_length=10,
                    ),
                ),
                (
                    "provider_id",
                    models.CharField(
                        blank=True,
                        help_text="What the mail provider calls the message.",
                        max_length=200,
                    ),
                ),
                (
                    "settled_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When what came back settled what was uncertain.",
                        null=True,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("confirmation", "Confirmation"),
                            ("preferences_link", "link to the preferences"),
                            ("vote_link", "link to vote"),
                            ("welcome", "Welcome"),
                            ("less_often", "less often?"),
                            ("goodbye", "Goodbye"),
                            ("edition_trouble", "alert: an edition"),
                            ("standstill", "alert: mail is not going out"),
                            ("signup_trouble", "alert: sign-ups"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "about",
                    models.CharField(
                        blank=True,
                        help_text="The paper's key, or the day of the edition.",
                        max_length=100,
                    ),
                ),
                (
                    "details",
                    models.JSONField(
                        blank=True, default=dict, help_text="What the text is made from."
                    ),
                ),
                (
                    "mailbox",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="A keyed hash, for the daily limit.",
                        max_length=32,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("uncertain", "Uncertain"),
                            ("expired", "Expired"),
                            ("suppressed", "Suppressed"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                (
                    "subscriber",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: it goes to the operator.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="subscriptions.subscriber",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.AddField(
            model_name="deliveryevent",
            name="message",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="delivery_events",
                to="subscriptions.message",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("status", "pending")),
                fields=["next_attempt_at"],
                name="message_to_send",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("status", "sending")),
                fields=["claimed_at"],
                name="message_in_hand",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["created_at", "kind", "status"], name="message_created"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["mailbox", "claimed_at"], name="message_mailbox"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("status__in", ["uncertain", "failed", "expired"])),
                fields=["status", "created_at"],
                name="message_went_wrong",
            ),
        ),
    ]
