from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0019_alarm"),
    ]

    operations = [
        migrations.AddField(
            model_name="digest",
            name="profile_key",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="On a reader's first day, what their profile was when this was made.",
                max_length=32,
            ),
        ),
        migrations.AddField(
            model_name="digest",
            name="turn",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="0; 1 for the second digest that a reader may ask for on their first day.",
            ),
        ),
    ]
