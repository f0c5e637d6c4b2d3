"""Run by `manage.py shell` after an upgrade: print the totals, and recover digests."""

from django.utils import timezone

from subscriptions.editions import recovery
from subscriptions.models import Digest, Edition, Subscriber

totals = Digest.objects.all().totals()
edition = Edition.objects.get()
print("totals", totals["pending"] + totals["sent"], edition.due, Subscriber.objects.count())
print("recovered", bool(recovery.recover_digests(timezone.now())))
