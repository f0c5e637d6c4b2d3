from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from subscriptions.readers import time_zones


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        *[("Berlin", "Europe/Berlin"), ("europe/berlin", "Europe/Berlin")],
        *[("new  york", "America/New_York"), ("Zürich", "Europe/Zurich")],
        *[("Munich", "Europe/Berlin"), ("Köln", "Europe/Berlin"), ("Genf", "Europe/Zurich")],
        *[("Berlin, Germany", "Europe/Berlin"), ("Cambridge, UK", "Europe/London")],
        *[("Washington, D.C.", "America/New_York"), ("Saigon", "Asia/Ho_Chi_Minh")],
        *[("India", "Asia/Kolkata"), ("Germany", "Europe/Berlin"), ("Japan", "Asia/Tokyo")],
        *[("UTC", "UTC"), ("gmt", "UTC"), ("Etc/GMT-3", "Etc/GMT-3")],
    ],
)
def test_a_zone_is_found_by_its_name_a_city_or_a_country(typed: str, zone: str) -> None:
    assert time_zones.find_zone(typed) == zone


@pytest.mark.parametrize(
    ("old", "name"),
    [
        *[("Asia/Calcutta", "Asia/Kolkata"), ("Asia/Saigon", "Asia/Ho_Chi_Minh")],
        *[("Asia/Katmandu", "Asia/Kathmandu"), ("Asia/Rangoon", "Asia/Yangon")],
        *[("America/Buenos_Aires", "America/Argentina/Buenos_Aires")],
        *[("America/Indianapolis", "America/Indiana/Indianapolis")],
        *[("Europe/Kiev", "Europe/Kyiv"), ("Atlantic/Faeroe", "Atlantic/Faroe")],
        *[("US/Pacific", "America/Los_Angeles"), ("EST5EDT", "America/New_York")],
        *[("Africa/Asmera", "Africa/Asmara"), ("Pacific/Truk", "Pacific/Chuuk")],
        *[("GB", "Europe/London"), ("Etc/UTC", "UTC"), ("Zulu", "UTC"), ("GMT", "UTC")],
        *[("Europe/Stockholm", "Europe/Stockholm"), ("UTC", "UTC")],
    ],
)
def test_old_names_of_zones_become_those_of_today(old: str, name: str) -> None:
    assert time_zones.current_name(old) == name
    ZoneInfo(name)


@pytest.mark.parametrize(
    "name",
    ["localtime", "Factory", "posix/Europe/Berlin", "right/UTC", "posixrules", "Etc/GMT+99", ""],
)
def test_what_only_some_systems_have_is_no_zone(name: str) -> None:
    assert time_zones.current_name(name) == time_zones.find_zone(name) == ""


def test_a_place_in_several_zones_is_asked_about() -> None:
    assert time_zones.find_zone("Cambridge") == ""
    assert time_zones.suggest_places("Cambridge") == ["Europe/London", "America/New_York"]
    assert "America/Chicago" in time_zones.suggest_places("United States")


@pytest.mark.parametrize(
    ("typed", "place"),
    [("Berln", "Berlin"), ("San Fransisco", "San Francisco"), ("Tokyoo", "Tokyo")],
)
def test_a_misspelled_place_is_answered_with_near_ones(typed: str, place: str) -> None:
    assert time_zones.suggest_places(typed)[0] == place


def test_the_list_offers_places_and_no_technical_zone() -> None:
    places = time_zones.place_choices()
    assert places["Berlin"] == places["Munich"] == "Europe/Berlin"
    offered = {*places, *places.values()}
    assert not [name for name in offered if name.startswith(("Etc/", "posix", "Factory", "local"))]
    assert "Asia/Calcutta" not in offered
    for place, zone in places.items():
        assert not zone or time_zones.find_zone(place) == zone


def test_every_listed_zone_exists() -> None:
    for zone in {*time_zones.zones(), *time_zones.PLACES}:
        assert time_zones.current_name(zone) == ZoneInfo(zone).key


@pytest.mark.parametrize("typed", ["🙂", "\x00", "x" * 10_000, ",", " , ", "Europe/", "/", "٣"])
def test_odd_input_finds_nothing_and_breaks_nothing(typed: str) -> None:
    assert time_zones.find_zone(typed) == ""
    assert isinstance(time_zones.suggest_places(typed), list)
