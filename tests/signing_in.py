"""A browser that a reader has signed in, as they do it: by a mailed link and its button."""

from django.test import Client
from django.urls import reverse

from subscriptions import tokens
from subscriptions.models import Subscriber
from subscriptions.tokens import Purpose
from tests.pages import Page


def sign_in(client: Client, reader: Subscriber) -> Page:
    link = reverse("sign-in", args=[tokens.make(Purpose.PREFERENCES, reader.pk)])
    return Page.open(client, link).submit("Sign in")
