"""Current names of time zones, from the names that readers and browsers use. Pure.

All names come from the `tzdata` package, since those of operating systems differ and include names
such as `localtime` and `Factory`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Set
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from papers.text.identity import title_key

UTC = "UTC"
MAX_SUGGESTIONS = 3  # suggestions for a misspelled name
MAX_AMBIGUOUS = 6  # zones listed for an ambiguous name
MIN_SIMILARITY = 0.7  # difflib ratio from which a name counts as a misspelling
_FIXED = re.compile(r"Etc/GMT[+-]\d{1,2}")
# Old names that tzdata does not map, or maps to a zone in another country with equal clocks.
RENAMED = {
    "Africa/Asmera": "Africa/Asmara",
    "Africa/Timbuktu": "Africa/Bamako",
    "America/Coral_Harbour": "America/Atikokan",
    "America/Virgin": "America/St_Thomas",
    "Antarctica/South_Pole": "Antarctica/McMurdo",
    "Atlantic/Jan_Mayen": "Arctic/Longyearbyen",
    "Iceland": "Atlantic/Reykjavik",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Truk": "Pacific/Chuuk",
    "Pacific/Yap": "Pacific/Chuuk",
    "EST5EDT": "America/New_York",
    "CST6CDT": "America/Chicago",
    "MST7MDT": "America/Denver",
    "PST8PDT": "America/Los_Angeles",
}
# Large or research cities that no zone is named after, and other names of those that have one.
# A place in two zones is ambiguous, and the reader is asked.
PLACES = {
    "Africa/Cairo": "Alexandria, Giza, Kairo",
    "Africa/Johannesburg": "Cape Town, Durban, Kapstadt, Pretoria, Stellenbosch",
    "Africa/Lagos": "Abuja, Ibadan, Kano",
    "America/Bogota": "Cali, Medellín",
    "America/Chicago": (
        "Austin, Dallas, Evanston, Houston, Madison, Minneapolis, St. Louis, Urbana"
    ),
    "America/Denver": "Boulder, Salt Lake City",
    "America/Detroit": "Ann Arbor",
    "America/Edmonton": "Calgary",
    "America/Guayaquil": "Quito",
    "America/Los_Angeles": (
        "Berkeley, Palo Alto, Pasadena, Portland, San Diego, San Francisco, San Jose, Santa "
        "Barbara, Seattle, Stanford"
    ),
    "America/Mexico_City": "Guadalajara, Puebla",
    "America/New_York": (
        "Atlanta, Baltimore, Boston, Cambridge, Durham, Ithaca, Miami, New Haven, New York City, "
        "NYC, Philadelphia, Pittsburgh, Princeton, Washington, Washington DC"
    ),
    "America/Sao_Paulo": (
        "Belo Horizonte, Brasília, Campinas, Curitiba, Porto Alegre, Rio de Janeiro"
    ),
    "America/Toronto": "Montréal, Ottawa, Québec, Waterloo",
    "America/Vancouver": "Victoria",
    "Asia/Dhaka": "Chittagong",
    "Asia/Dubai": "Abu Dhabi, Sharjah",
    "Asia/Ho_Chi_Minh": "Da Nang, Hanoi, Ho Chi Minh City",
    "Asia/Hong_Kong": "Hongkong, Kowloon",
    "Asia/Jakarta": "Bandung, Depok, Surabaya, Yogyakarta",
    "Asia/Jerusalem": "Beersheba, Haifa, Rehovot, Tel Aviv",
    "Asia/Karachi": "Faisalabad, Islamabad, Lahore, Rawalpindi",
    "Asia/Kolkata": (
        "Ahmedabad, Bangalore, Bengaluru, Bhopal, Bombay, Chennai, Delhi, Guwahati, Hyderabad, "
        "Indore, Jaipur, Kanpur, Kharagpur, Lucknow, Madras, Mumbai, Nagpur, New Delhi, Patna, "
        "Pune, Roorkee, Surat"
    ),
    "Asia/Kuala_Lumpur": "Penang",
    "Asia/Riyadh": "Dhahran, Jeddah, Thuwal",
    "Asia/Seoul": "Busan, Daegu, Daejeon, Gwangju, Incheon, Korea, Pohang, South Korea, Ulsan",
    "Asia/Shanghai": (
        "Beijing, Changchun, Changsha, Chengdu, China, Dalian, Fuzhou, Guangzhou, Hangzhou, Hefei, "
        "Jinan, Kunming, Lanzhou, Nanjing, Ningbo, Peking, Qingdao, Shenyang, Shenzhen, Suzhou, "
        "Tianjin, Wuhan, Xi'an, Xiamen, Zhengzhou"
    ),
    "Asia/Singapore": "Singapur",
    "Asia/Taipei": "Hsinchu, Kaohsiung, Taichung, Tainan",
    "Asia/Tehran": "Isfahan, Mashhad, Teheran",
    "Asia/Tokyo": (
        "Fukuoka, Hiroshima, Kobe, Kyoto, Nagoya, Okinawa, Osaka, Sapporo, Sendai, Tokio, Tsukuba, "
        "Yokohama"
    ),
    "Australia/Sydney": "Canberra, Newcastle",
    "Europe/Amsterdam": (
        "Delft, Eindhoven, Groningen, Leiden, Nijmegen, Rotterdam, The Hague, Utrecht"
    ),
    "Europe/Athens": "Athen, Heraklion, Patras, Thessaloniki",
    "Europe/Berlin": (
        "Aachen, Bochum, Bonn, Braunschweig, Bremen, Cologne, Darmstadt, Deutschland, Dortmund, "
        "Dresden, Düsseldorf, Erlangen, Frankfurt, Frankfurt am Main, Freiburg, Garching, "
        "Göttingen, Halle, Hamburg, Hannover, Heidelberg, Jena, Karlsruhe, Kiel, Köln, Konstanz, "
        "Leipzig, Mainz, Mannheim, Marburg, Munich, München, Münster, Nuremberg, Nürnberg, "
        "Potsdam, Regensburg, Rostock, Saarbrücken, Stuttgart, Tübingen, Ulm, Würzburg"
    ),
    "Europe/Brussels": "Antwerp, Brüssel, Bruxelles, Ghent, Leuven, Liège",
    "Europe/Bucharest": "Bukarest, Cluj, Iași",
    "Europe/Copenhagen": "Aalborg, Aarhus, Kopenhagen, Odense",
    "Europe/Helsinki": "Espoo, Oulu, Tampere, Turku",
    "Europe/Istanbul": "Ankara, Izmir",
    "Europe/Kyiv": "Kharkiv, Kiew, Lviv",
    "Europe/Lisbon": "Braga, Coimbra, Lisboa, Lissabon, Porto",
    "Europe/London": (
        "Bath, Birmingham, Bristol, Cambridge, Cardiff, Durham, Edinburgh, England, Glasgow, Great "
        "Britain, Leeds, Liverpool, Manchester, Newcastle, Nottingham, Oxford, Scotland, "
        "Sheffield, Southampton, UK, United Kingdom, Wales, Warwick, York"
    ),
    "Europe/Luxembourg": "Luxemburg",
    "Europe/Madrid": "Barcelona, Granada, Seville, Spain, Valencia",
    "Europe/Moscow": "Moskau, Saint Petersburg",
    "Europe/Oslo": "Bergen, Trondheim, Tromsø",
    "Europe/Paris": (
        "Bordeaux, Grenoble, Lille, Lyon, Marseille, Montpellier, Nantes, Nice, Rennes, Saclay, "
        "Strasbourg, Toulouse"
    ),
    "Europe/Prague": "Brno, Czechia, Prag, Praha",
    "Europe/Rome": (
        "Bologna, Florence, Genoa, Milan, Milano, Naples, Padua, Pavia, Pisa, Rom, Roma, Torino, "
        "Trento, Trieste, Turin, Venice"
    ),
    "Europe/Stockholm": "Gothenburg, Göteborg, Linköping, Lund, Umeå, Uppsala",
    "Europe/Vienna": "Graz, Innsbruck, Klosterneuburg, Linz, Österreich, Salzburg, Wien",
    "Europe/Warsaw": "Gdańsk, Kraków, Poznań, Warschau, Wrocław",
    "Europe/Zurich": (
        "Basel, Bern, Fribourg, Geneva, Genève, Genf, Lausanne, Lugano, Neuchâtel, Schweiz, St. "
        "Gallen"
    ),
    "Pacific/Auckland": "Christchurch, Dunedin, Hamilton, Wellington",
}


@cache
def zones() -> frozenset[str]:
    """Return the current names of all zones named after a place, and UTC."""
    return frozenset({UTC, *(row[2] for row in _table("zone.tab"))})


def current_name(name: str) -> str:
    """Return the current name of a zone, such as Asia/Kolkata for Asia/Calcutta, or ""."""
    if name in zones() or (_FIXED.fullmatch(name) and name in _package_names()):
        return name
    target = RENAMED.get(name) or _links().get(name, name)
    return UTC if target in ("Etc/UTC", "Etc/GMT") else target if target in zones() else ""


def find_zone(typed: str) -> str:
    """Return the only zone that a zone name, city or country can mean, or "".

    >>> [find_zone(name) for name in ("Munich", "Asia/Calcutta", "Cambridge, UK", "Cambridge")]
    ['Europe/Berlin', 'Asia/Kolkata', 'Europe/London', '']
    """
    meant = _meant_by(" ".join(typed.split()))
    return next(iter(meant)) if len(meant) == 1 else ""


def suggest_places(typed: str) -> list[str]:
    """Return likely zones and places for a misspelled or ambiguous name, best first."""
    if several := _meant_by(typed) or _meant_by(typed.partition(",")[0]):
        return _ordered(several)[:MAX_AMBIGUOUS]
    key = _key(typed)
    spellings = {_key(name): name for name in place_choices()}
    like = [
        spellings[one] for one in get_close_matches(key, spellings, MAX_SUGGESTIONS, MIN_SIMILARITY)
    ]
    inside = [name for known, name in spellings.items() if len(key) > 3 and key in known]
    return list(dict.fromkeys([*like, *inside]))[:MAX_SUGGESTIONS]


@cache
def place_choices() -> dict[str, str]:
    """Return all known places, sorted, each with its zone, or "" if there are several."""
    named = {_city(zone): zone for zone in zones()}
    for zone, place in _more_places():
        named[place] = "" if named.get(place, zone) != zone else zone
    return dict(sorted(named.items(), key=lambda one: _key(one[0])))


def _meant_by(typed: str) -> Set[str]:
    """Return the zones that the words may mean."""
    if exact := current_name(typed):
        return {exact}
    if whole := _meanings().get(_key(typed)):
        return whole
    place, _, country = typed.partition(",")
    within = _meanings().get(_key(country), zones()) if country else frozenset()
    return _meanings().get(_key(place), frozenset()) & within


@cache
def _meanings() -> dict[str, Set[str]]:
    """Return the possible zones by folded name. Places override old names and countries."""
    found: dict[str, Set[str]] = {**_countries()}
    for name in sorted(_package_names()):
        if (zone := current_name(name)) and not _FIXED.fullmatch(name):
            found[_key(name.rpartition("/")[2])] = found[_key(name)] = {zone}
    several: dict[str, set[str]] = defaultdict(set)
    for zone, place in [*((zone, _city(zone)) for zone in zones()), *_more_places()]:
        several[_key(place)].add(zone)
    return found | several


def _countries() -> dict[str, Set[str]]:
    """Return the zones of each country, or only the main one if the others duplicate some zone."""
    all_zones: dict[str, set[str]] = defaultdict(set)
    main_zones: dict[str, set[str]] = defaultdict(set)
    for country, _coordinates, zone, *_comment in _table("zone.tab"):
        all_zones[country].add(zone)
    for listed, _coordinates, zone, *_comment in _table("zone1970.tab"):
        main_zones[listed.partition(",")[0]].add(zone)
    return {
        _key(name): main_zones[code] if len(main_zones[code]) == 1 else all_zones[code]
        for code, name in _table("iso3166.tab")
    }


def _more_places() -> Iterator[tuple[str, str]]:
    for zone, listed in PLACES.items():
        for place in listed.split(", "):
            yield zone, place


def _city(zone: str) -> str:
    """Return the city of a zone, such as Berlin for Europe/Berlin."""
    return zone.rpartition("/")[2].replace("_", " ")


def _ordered(some: Set[str]) -> list[str]:
    """Sort zones in the package's order, currently distinct zones first."""
    today = {row[2] for row in _table("zonenow.tab")}
    listed = [row[2] for row in _table("zone.tab") if row[2] in some]
    return sorted(listed, key=lambda zone: zone not in today)


def _key(name: str) -> str:
    """Return only letters and digits, without accents, in lower case."""
    return title_key(name.replace("_", " "))


@cache
def _links() -> dict[str, str]:
    """Return the aliases of zones, each with its target."""
    rows = (line.split() for line in _read("zoneinfo/tzdata.zi").splitlines())
    return {row[2]: row[1] for row in rows if row[:1] == ["L"]}


@cache
def _package_names() -> frozenset[str]:
    return frozenset(_read("zones").split())


def _table(name: str) -> Iterator[list[str]]:
    for line in _read(f"zoneinfo/{name}").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def _read(name: str) -> str:
    return files("tzdata").joinpath(name).read_text(encoding="utf-8")
