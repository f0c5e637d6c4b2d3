"""Sign up with the form, and sign in with an emailed link."""

from typing import Any

from django.test import Client
from django.urls import reverse

from subscriptions import tokens
from subscriptions.models import Subscriber
from subscriptions.tokens import Purpose
from tests.pages import Page


def subscribe(client: Client, email: str, *, follow: bool = True, **fields: Any) -> Page:
    """Fill in the sign-up form and press its button."""
    page = Page.open(client, reverse("subscribe"))
    return page.submit("Subscribe", follow=follow, email=email, **fields)


def sign_in(client: Client, reader: Subscriber) -> Page:
    link = reverse("sign-in", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    return Page.open(client, link).submit("Sign in")
