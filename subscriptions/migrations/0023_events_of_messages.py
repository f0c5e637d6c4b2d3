from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("subscriptions", "0022_messages")]

    operations = [
        AddIndexConcurrently(
            model_name="deliveryevent",
            index=models.Index(
                condition=models.Q(("message__isnull", False)),
                fields=["message"],
                name="event_message",
            ),
        ),
    ]
