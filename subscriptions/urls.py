from django.urls import path, register_converter

from subscriptions import (
    community_views,
    feed_views,
    following_views,
    leaving_views,
    privacy_views,
    views,
)
from subscriptions.models import Reaction


class KindConverter:
    """more or less: the two reactions."""

    regex = "|".join(Reaction.Kind.values)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(KindConverter, "kind")

urlpatterns = [
    path("subscribe/", views.subscribe, name="subscribe"),
    path("check-inbox/", views.check_inbox, name="check-inbox"),
    path("confirm/<token>/", views.confirm, name="confirm"),
    path("challenge/", views.challenge_for_sign_up, name="challenge"),
    path("privacy/", privacy_views.statement, name="privacy"),
    path("data/<token>/", privacy_views.data, name="data"),
    path("data/<token>/export/", privacy_views.export, name="data-export"),
    path("data/<token>/erase/", privacy_views.erase, name="data-erase"),
    path("preferences/", views.preferences_link, name="preferences-link"),
    path("preferences/<token>/", views.preferences, name="preferences"),
    path("preferences/<token>/feed/", views.renew_feed, name="feed-renew"),
    path("preferences/<token>/offer/", views.offer, name="offer"),
    path("rhythm/<token>/", leaving_views.rhythm, name="rhythm"),
    path("propose/<token>/", community_views.propose, name="propose"),
    path("papers/<int:pk>/vote/", community_views.vote_link, name="vote-link"),
    path("vote/<int:paper_pk>/<token>/", community_views.vote, name="vote"),
    path("report/<int:paper_pk>/<token>/", community_views.report, name="report"),
    path("follow/", following_views.follow, name="follow"),
    path("preview/", views.preview, name="preview"),
    path("profile/<token>/", views.profile, name="profile"),
    path("profile/<token>/remove/", views.remove, name="profile-remove"),
    path("profile/<token>/mute/", views.mute, name="profile-mute"),
    path("profile/<token>/upload/", views.upload, name="profile-upload"),
    path("profile/<token>/author/", views.author_page, name="profile-author"),
    path("profile/<token>/opened/", views.learn_from_opened, name="profile-opened"),
    path("profile/<token>/reset/", views.reset, name="profile-reset"),
    path("unsubscribe/<token>/", leaving_views.unsubscribe, name="unsubscribe"),
    path("react/<kind:kind>/<int:paper_pk>/<token>/", views.react, name="react"),
    path("opened/<int:paper_pk>/", views.note_opened, name="opened"),
    path("feeds/digests/<token>.<feed:kind>", feed_views.digests, name="feed-digests"),
    path("digest/<token>/", views.digest, name="digest"),
]
