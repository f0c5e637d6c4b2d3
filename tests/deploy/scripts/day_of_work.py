"""Run by `manage.py shell`: the app's work of a day, from scoring to the deletion of old rows."""

from django.utils import timezone

from operations import retention
from papers.models import Paper
from papers.ranking import scoring
from papers.vectors import stored_lexicon
from subscriptions.delivery import mailing_run
from subscriptions.editions import digests, recovery
from subscriptions.feedback import record, refusals, settle
from subscriptions.models import Subscriber, Subscription, Topic
from subscriptions.readers import signup

now = timezone.now()
Paper.objects.update(listed_on=now.date(), first_seen_at=now)
scoring.rescore(now)
stored_lexicon.learn_lexicon(now)
reader = Subscriber.objects.create(
    email="a@example.org",
    email_key="a@example.org",
    status="active",
    created_at=now,
    confirmed_at=now,
)
Topic.objects.create(subscriber=reader, text="language models")
Subscription.objects.create(subscriber=reader, next_digest_at=now)
pks = digests.build_due_digests([reader.pk], now)
tally = mailing_run.deliver_digests(pks, timezone.now).tally
print("sent", sum(tally.values()), tally.get("sent"))
recovery.recover_digests(now)
settle.settle_uncertain(now)
refusals.record_refusals(now)
record.delete_old_events(now)
signup.expire_pending(now)
retention.delete_old_rows(now)
