"""Run by `manage.py shell`: date the sample papers today, score them and learn the lexicon."""

from django.utils import timezone

from papers.models import Paper
from papers.ranking import scoring
from papers.vectors import stored_lexicon

now = timezone.now()
Paper.objects.update(listed_on=now.date(), featured_on=None, first_seen_at=now)
scoring.rescore(now)
stored_lexicon.learn_lexicon(now)
