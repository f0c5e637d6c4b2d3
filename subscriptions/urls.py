from django.urls import path, register_converter

from subscriptions import (
    community_views,
    feed_views,
    following_views,
    leaving_views,
    privacy_views,
    reaction_views,
    sign_in_views,
    views,
)
from subscriptions.mailed_links import reader_paths
from subscriptions.models import Reaction


class KindConverter:
    """more or less: the two reactions."""

    regex = "|".join(Reaction.Kind.values)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(KindConverter, "kind")

# Pages of readers have two addresses: with the token of a mailed link, and without one for a
# browser that is signed in. What has only the first takes the link itself.
urlpatterns = [
    path("subscribe/", views.subscribe, name="subscribe"),
    path("check-inbox/", views.check_inbox, name="check-inbox"),
    path("confirm/<token>/", views.confirm, name="confirm"),
    path("challenge/", views.challenge_for_sign_up, name="challenge"),
    path("preview/", views.preview, name="preview"),
    path("sign-in/", sign_in_views.sign_in, name="sign-in"),
    path("sign-in/<token>/", sign_in_views.sign_in_here, name="sign-in"),
    path("sign-out/", sign_in_views.sign_out, name="sign-out"),
    path("privacy/", privacy_views.statement, name="privacy"),
    path("data/<token>/export/", privacy_views.export, name="data-export"),
    path("data/<token>/erase/", privacy_views.erase, name="data-erase"),
    *reader_paths(
        "data", "sign-out/", sign_in_views.sign_out_everywhere, name="sign-out-everywhere"
    ),
    *reader_paths("data", "", privacy_views.data, name="data"),
    *reader_paths("preferences", "feed/", views.renew_feed, name="feed-renew"),
    *reader_paths("preferences", "mail/", sign_in_views.mail_link, name="mail-link"),
    *reader_paths("preferences", "offer/", views.offer, name="offer"),
    *reader_paths("preferences", "", views.preferences, name="preferences"),
    *reader_paths("rhythm", "", leaving_views.rhythm, name="rhythm"),
    *reader_paths("propose", "", community_views.propose, name="propose"),
    path("papers/<int:paper_pk>/vote/", community_views.vote_here, name="vote"),
    path("vote/<int:paper_pk>/<token>/", community_views.vote, name="vote"),
    *reader_paths("report/<int:paper_pk>", "", community_views.report, name="report"),
    path("follow/", following_views.follow, name="follow"),
    *reader_paths("profile", "remove/", views.remove, name="profile-remove"),
    *reader_paths("profile", "mute/", views.mute, name="profile-mute"),
    *reader_paths("profile", "upload/", views.upload, name="profile-upload"),
    *reader_paths("profile", "author/", views.author_page, name="profile-author"),
    *reader_paths("profile", "opened/", views.learn_from_opened, name="profile-opened"),
    *reader_paths("profile", "reset/", views.reset, name="profile-reset"),
    *reader_paths("profile", "", views.profile, name="profile"),
    path("unsubscribe/<token>/", leaving_views.unsubscribe, name="unsubscribe"),
    path("unsubscribe/<token>/less/", leaving_views.less, name="unsubscribe-less"),
    path("unsubscribe/<token>/undo/", leaving_views.undo_unsubscribe, name="unsubscribe-undo"),
    *reader_paths("leave", "undo/", leaving_views.undo_leave, name="leave-undo"),
    *reader_paths("leave", "", leaving_views.leave, name="leave"),
    *reader_paths("react/<kind:kind>/<int:paper_pk>", "", reaction_views.react, name="react"),
    path("opened/<int:paper_pk>/", reaction_views.note_opened, name="opened"),
    path("feeds/digests/<token>.<feed:kind>", feed_views.digests, name="feed-digests"),
    path("digest/<token>/", views.digest, name="digest"),
    *reader_paths("digests/<uuid:public_id>", "", views.past_digest, name="past-digest"),
]
