"""Forms on readers' own pages. Every error message says how to correct the input."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from subscriptions.models import TOPIC_TEXT_LENGTH, Subscriber, Subscription, Topic
from subscriptions.profiles.library_import import parse_author_id
from subscriptions.profiles.reference_files import MAX_BYTES
from subscriptions.profiles.references import split_ids
from subscriptions.readers.fields import (
    ENTRY_LENGTH,
    CategoriesField,
    ListField,
    NamesField,
    PapersField,
    RangeField,
    ZoneField,
    clean_paper_id,
)


class TopicsField(forms.ModelMultipleChoiceField):
    """Topics of a reader, by their titles."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.title)


class FoldingForm(forms.ModelForm):
    """A form that folds some of its fields, except when they have errors or changed values."""

    FOLDED: tuple[str, ...] = ()

    @property
    def is_unfolded(self) -> bool:
        """Return True if a folded field has an error or a value other than the default."""
        return any(self.errors.get(name) or self._is_changed(name) for name in self.FOLDED)

    def _is_changed(self, name: str) -> bool:
        default = self._meta.model._meta.get_field(name).get_default()
        return self.fields[name].has_changed(default, self[name].value())


class TopicForm(FoldingForm):
    """The content of a reader's first topic."""

    FOLDED: tuple[str, ...] = ("words", "authors", "strictness")

    words = ListField(
        label=_("Keywords or phrases"),
        help_text=_(
            "Separate them with commas or line breaks. Papers that contain one of them move up."
        ),
    )
    categories = CategoriesField(
        label=_("arXiv categories"),
        help_text=_(
            "For example cs.CL stat.ML quant-ph, separated by spaces, commas or line breaks."
        ),
    )
    authors = NamesField(
        label=_("Authors to follow"),
        help_text=_("Full names, separated by commas or line breaks."),
    )
    strictness = forms.ChoiceField(
        label=_("How selective should your digest be?"),
        choices=Topic.Strictness.choices,
        required=False,
        help_text=_(
            "The strictest setting also leaves out trending papers that don't match your interests."
        ),
    )
    examples = PapersField(
        label=_("Papers you like"),
        help_text=_(
            "arXiv IDs or links, separated by spaces, commas or line breaks. Three "
            "good examples say more than thirty words."
        ),
    )

    class Meta:
        model = Topic
        fields = ["text", "examples", "categories", "words", "authors", "strictness"]
        labels = {
            "text": _("What do you work on?"),
        }
        help_texts = {
            "text": _("A sentence or two in your own words."),
        }
        widgets = {
            "text": forms.Textarea(
                attrs={
                    "rows": 3,
                    "maxlength": TOPIC_TEXT_LENGTH,
                    "placeholder": _("Efficient long-context language models; memory in agents"),
                }
            )
        }

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if len(text) > TOPIC_TEXT_LENGTH:
            raise ValidationError(
                _("At most 2,000 characters. The most distinctive words matter most.")
            )
        return text

    def clean_strictness(self) -> str:
        return self.cleaned_data["strictness"] or self.instance.strictness

    def clean(self) -> dict[str, Any]:
        """Move arXiv IDs from the text to the examples, as the preview does."""
        cleaned: dict[str, Any] = super().clean() or {}
        ids, rest = split_ids(cleaned.get("text", ""))
        if ids and "examples" in cleaned:
            cleaned["text"] = rest
            cleaned["examples"] = list(dict.fromkeys([*cleaned["examples"], *ids]))
        return cleaned


class ScheduleForm(FoldingForm):
    """When a subscription brings digests, how many papers, and when those not read yet."""

    FOLDED = ("max_papers", "unread_weekday")

    month_day = forms.TypedChoiceField(
        label=_("Day of the month"),
        help_text=_("Only used for monthly digests. Shorter months use their last day."),
        coerce=int,
        choices=[(day, day) for day in range(1, 32)],
        error_messages={"invalid_choice": _("Choose a day from 1 to 31.")},
    )
    hour = forms.TypedChoiceField(
        label=_("Delivery time"),
        help_text=_("In your time zone."),
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
    )
    max_papers = RangeField(
        label=_("Maximum papers per digest"),
        help_text=_("From 1 to 30. You get fewer if fewer match."),
        min_value=1,
        max_value=30,
    )
    unread_weekday = forms.TypedChoiceField(
        label=_("Your unread papers"),
        help_text=_(
            "A short section of papers that you kept and haven't read. A digest that comes once a "
            "week or less often has it each time, whichever day you choose."
        ),
        coerce=int,
        empty_value=None,
        required=False,
        choices=[
            ("", _("Never")),
            (Subscription.Weekday.MONDAY, _("On Monday")),
            (Subscription.Weekday.TUESDAY, _("On Tuesday")),
            (Subscription.Weekday.WEDNESDAY, _("On Wednesday")),
            (Subscription.Weekday.THURSDAY, _("On Thursday")),
            (Subscription.Weekday.FRIDAY, _("On Friday")),
            (Subscription.Weekday.SATURDAY, _("On Saturday")),
            (Subscription.Weekday.SUNDAY, _("On Sunday")),
        ],
    )

    class Meta:
        model = Subscription
        fields = ["frequency", "weekday", "month_day", "hour", "max_papers", "unread_weekday"]
        labels = {
            "frequency": _("How often"),
            "weekday": _("Day of the week"),
        }
        help_texts = {
            "frequency": _("Each digest has the best papers since the last one."),
            "weekday": _("Only used for digests once a week or every second week."),
        }


class SubscriptionForm(ScheduleForm):
    """All settings of a subscription. Readers with one topic are not asked to choose."""

    all_topics = forms.TypedChoiceField(
        label=_("Which topics"),
        coerce=lambda value: value == "True",
        choices=[
            (True, _("All my topics, also those I add later")),
            (False, _("Only the topics I choose here")),
        ],
        widget=forms.RadioSelect,
    )
    topics = TopicsField(
        label=_("Topics"),
        queryset=Topic.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Only used if you choose topics above."),
    )

    class Meta(ScheduleForm.Meta):
        fields = ["name", *ScheduleForm.Meta.fields, "all_topics", "trending"]
        labels = ScheduleForm.Meta.labels | {
            "name": _("Name"),
            "trending": _("Also trending papers"),
        }
        help_texts = ScheduleForm.Meta.help_texts | {
            "name": _("Optional. Without one, it is named after its schedule."),
            "trending": _("A section of papers that many people talk about."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        topics = self.instance.subscriber.topics.order_by("position")
        if len(topics) > 1:
            cast(TopicsField, self.fields["topics"]).queryset = topics
            if self.instance.pk:
                self.initial["topics"] = list(self.instance.topics.values_list("pk", flat=True))
        else:
            del self.fields["topics"], self.fields["all_topics"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        chosen = cleaned.get("topics")
        if cleaned.get("all_topics") is False and "topics" not in self.errors and not chosen:
            self.add_error("topics", _("Choose at least one topic, or all of them."))
        return cleaned

    @property
    def values(self) -> dict[str, Any]:
        """Return the field values of the subscription."""
        return {name: value for name, value in self.cleaned_data.items() if name != "topics"}

    @property
    def chosen_topics(self) -> list[Topic]:
        """Return the topics it carries, or none if it carries all."""
        if self.cleaned_data.get("all_topics", True):
            return []
        return list(self.cleaned_data["topics"])


class ReaderForm(FoldingForm):
    """Settings that hold for all topics and subscriptions of a reader."""

    FOLDED = ("muted_words", "muted_authors", "shared_authors")

    muted_words = ListField(
        label=_("Never send papers that contain"),
        help_text=_(
            "Words or phrases, separated by commas or line breaks. These override everything else."
        ),
    )
    muted_authors = NamesField(
        label=_("Never send papers by"),
        help_text=_("Full names, separated by commas or line breaks."),
    )
    timezone = ZoneField(
        label=_("Time zone"),
        help_text=_("A city near you, such as Berlin, or the name of a time zone."),
        widget=forms.TextInput(attrs={"list": "places", "autocomplete": "off"}),
    )

    class Meta:
        model = Subscriber
        fields = ["muted_words", "muted_authors", "shared_authors", "timezone", "language"]
        labels = {
            "shared_authors": _("Also papers by authors of papers you like"),
            "language": _("Language of the emails"),
        }
        help_texts = {
            "shared_authors": _("Papers that share an author with a paper you like move up."),
            "language": _("Papers are not translated."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].required = False

    def clean_language(self) -> str:
        return self.cleaned_data["language"] or self.instance.language


class UploadForm(forms.Form):
    """Upload of a library file."""

    file = forms.FileField(
        label=_("BibTeX, RIS or CSL JSON file"),
        help_text=_(
            "Zotero, Mendeley, EndNote and others export these formats. At most 10 "
            "MB. From a longer list we take the newest 200 papers."
        ),
        widget=forms.FileInput(attrs={"accept": ".bib,.bibtex,.ris,.json,.txt"}),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise ValidationError(_("The file is larger than 10 MB. Please upload part of it."))
        return file


class AuthorPageForm(forms.Form):
    """An author, usually the reader, whose papers become examples."""

    author = forms.CharField(
        label=_("arXiv author page or ORCID"),
        max_length=200,
        help_text=_("For example https://arxiv.org/a/doe_j_1 or 0000-0002-1825-0097."),
    )

    def clean_author(self) -> str:
        name = parse_author_id(self.cleaned_data["author"])
        if not name:
            raise ValidationError(
                _("This isn't an arXiv author page (arxiv.org/a/doe_j_1) or an ORCID.")
            )
        return name


class WhyForm(forms.Form):
    """A paper whose absence from the digest is to be explained."""

    paper = forms.CharField(label=_("arXiv ID or link"), max_length=ENTRY_LENGTH)

    def clean_paper(self) -> str:
        return clean_paper_id(self.cleaned_data["paper"].strip())
