"""URLs of readers' pages."""

from django.urls import path, register_converter

from subscriptions.models import Reaction
from subscriptions.pages import (
    community,
    digests,
    feeds,
    following,
    leaving,
    preferences,
    preview,
    privacy,
    profile,
    reactions,
    sign_in,
    signup,
    subscriptions,
)
from subscriptions.pages.library import entry, files, kept_papers, read
from subscriptions.pages.mailed_links import reader_paths
from subscriptions.pages.topics import editing, listing
from subscriptions.pages.zotero import account, authorization, transfers


class ReactionKindConverter:
    """Path converter for the two kinds of reactions, "more" and "less"."""

    regex = "|".join(Reaction.Kind.values)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(ReactionKindConverter, "kind")

# `reader_paths` gives a page two URLs: with the token of a mailed link, and without one for
# browsers that are signed in.
urlpatterns = [
    path("subscribe/", signup.subscribe, name="subscribe"),
    path("check-inbox/", signup.check_inbox, name="check-inbox"),
    path("confirm/<token>/", signup.confirm, name="confirm"),
    path("challenge/", signup.challenge_for_sign_up, name="challenge"),
    path("preview/", preview.preview_page, name="preview"),
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-in/<token>/", sign_in.sign_in_here, name="sign-in"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("privacy/", privacy.privacy_statement, name="privacy"),
    path("data/<token>/export/", privacy.export_my_data, name="data-export"),
    path("data/<token>/erase/", privacy.erase_my_data, name="data-erase"),
    *reader_paths("data", "sign-out/", sign_in.sign_out_everywhere, name="sign-out-everywhere"),
    *reader_paths("data", "", privacy.my_data, name="data"),
    *reader_paths("preferences", "feed/", preferences.renew_feed, name="feed-renew"),
    *reader_paths("preferences", "mail/", sign_in.mail_link, name="mail-link"),
    *reader_paths("preferences", "offer/", preferences.answer_suggestion, name="offer"),
    *reader_paths("preferences", "", preferences.preferences, name="preferences"),
    *reader_paths("subscriptions/new", "", subscriptions.new_subscription, name="subscription-new"),
    *reader_paths("subscriptions/<int:pk>", "act/", subscriptions.act, name="subscription-act"),
    *reader_paths(
        "subscriptions/<int:pk>", "", subscriptions.edit_subscription, name="subscription"
    ),
    *reader_paths("subscriptions", "", subscriptions.subscription_list, name="subscriptions"),
    *reader_paths("topics/new", "", editing.new_topic, name="topic-new"),
    *reader_paths("topics/<int:topic_pk>", "act/", listing.act_on_topic, name="topic-act"),
    *reader_paths("topics/<int:topic_pk>", "delete/", listing.delete_page, name="topic-delete"),
    *reader_paths("topics/<int:topic_pk>", "split/", editing.split_topic, name="topic-split"),
    *reader_paths(
        "topics/<int:topic_pk>/export/<citation:ending>",
        "",
        editing.topic_citations,
        name="topic-export",
    ),
    *reader_paths("topics/<int:topic_pk>", "", editing.edit_topic, name="topic"),
    *reader_paths("topics", "", listing.topics_page, name="topics"),
    *reader_paths(
        "library/export/<citation:ending>", "", files.library_citations, name="library-export"
    ),
    *reader_paths("library", "upload/", files.upload_page, name="library-upload"),
    *reader_paths("library", "act/", kept_papers.act_on_entries, name="library-act"),
    *reader_paths("library", "undo/", kept_papers.undo_removal, name="library-undo"),
    *reader_paths("library/<int:entry_pk>", "", entry.entry_page, name="library-entry"),
    *reader_paths("library/read/<int:entry_pk>", "", read.read_page, name="library-read"),
    *reader_paths("library", "", kept_papers.library_page, name="library"),
    path("zotero/callback/", authorization.finish_oauth, name="zotero-callback"),
    *reader_paths("zotero", "key/", account.connect_by_key, name="zotero-key"),
    *reader_paths("zotero", "oauth/", authorization.start_oauth, name="zotero-oauth"),
    *reader_paths("zotero", "examples/", transfers.add_examples, name="zotero-examples"),
    *reader_paths("zotero", "kept/", transfers.choose_kept, name="zotero-kept"),
    *reader_paths("zotero", "act/", transfers.act, name="zotero-act"),
    *reader_paths("zotero", "disconnect/", account.disconnect, name="zotero-disconnect"),
    *reader_paths("zotero", "", account.zotero_page, name="zotero"),
    *reader_paths("rhythm", "", leaving.frequency_page, name="rhythm"),
    *reader_paths("propose", "", community.propose_page, name="propose"),
    path("papers/<int:paper_pk>/vote/", community.vote_signed_in, name="vote"),
    path("vote/<int:paper_pk>/<token>/", community.vote_page, name="vote"),
    *reader_paths("report/<int:paper_pk>", "", community.report_page, name="report"),
    path("follow/", following.follow_search, name="follow"),
    *reader_paths("profile", "remove/", profile.remove_from_profile, name="profile-remove"),
    *reader_paths("profile", "mute/", profile.mute_entry, name="profile-mute"),
    *reader_paths("profile", "upload/", profile.upload_library, name="profile-upload"),
    *reader_paths("profile", "author/", profile.author_page, name="profile-author"),
    *reader_paths("profile", "opened/", profile.learn_from_opened, name="profile-opened"),
    *reader_paths("profile", "kept/", profile.learn_from_kept, name="profile-kept"),
    *reader_paths("profile", "reset/", profile.reset_profile, name="profile-reset"),
    *reader_paths("profile", "", profile.profile_page, name="profile"),
    path("unsubscribe/<token>/", leaving.unsubscribe_page, name="unsubscribe"),
    path("unsubscribe/<token>/less/", leaving.less_page, name="unsubscribe-less"),
    path("unsubscribe/<token>/undo/", leaving.undo_unsubscribe, name="unsubscribe-undo"),
    *reader_paths("leave", "undo/", leaving.undo_leave, name="leave-undo"),
    *reader_paths("leave", "", leaving.leave_page, name="leave"),
    *reader_paths("react/<kind:kind>/<int:paper_pk>", "", reactions.react_page, name="react"),
    *reader_paths("keep/<int:paper_pk>", "", reactions.keep_page, name="keep"),
    path("opened/<int:paper_pk>/", reactions.note_opened, name="opened"),
    path("feeds/digests/<token>.<feed:kind>", feeds.digests_feed, name="feed-digests"),
    path("feeds/topics/<token>.<feed:kind>", feeds.topic_feed, name="feed-topic"),
    path("digest/<token>/", digests.digest_page, name="digest"),
    path(
        "digest/<token>/export/<citation:ending>/", digests.digest_citations, name="digest-export"
    ),
    *reader_paths(
        "digests/<uuid:public_id>/export/<citation:ending>",
        "",
        digests.past_digest_citations,
        name="past-digest-export",
    ),
    *reader_paths("digests/<uuid:public_id>", "", digests.past_digest, name="past-digest"),
]
