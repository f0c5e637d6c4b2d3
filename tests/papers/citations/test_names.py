from __future__ import annotations

import pytest

from papers.citations.names import Name, split_name, split_names


@pytest.mark.parametrize(
    ("full", "inverted"),
    [
        ("Ada Lovelace", "Lovelace, Ada"),
        ("Laurens van der Maaten", "van der Maaten, Laurens"),
        ("Luc Van Gool", "Van Gool, Luc"),
        ("Thanh Van Nguyen", "Nguyen, Thanh Van"),
        ("Van Nguyen", "Nguyen, Van"),
        ("Giovanni Da San Martino", "Da San Martino, Giovanni"),
        ("Fernando De la Torre", "De la Torre, Fernando"),
        ("Santiago Ramón y Cajal", "Ramón y Cajal, Santiago"),
        ("Artur d'Avila Garcez", "d'Avila Garcez, Artur"),
        ("Martin Luther King Jr.", "King, Martin Luther Jr."),
        ("Paul M Thompson", "Thompson, Paul M"),
        ("Jean-Luc O’Brien-Smith", "O’Brien-Smith, Jean-Luc"),
        ("Linus", "Linus"),
        ("王小明", "王小明"),
        ("DeepSeek-AI", "DeepSeek-AI"),
        ("Qwen Team", "Qwen Team"),
        ("Team Hunyuan3D", "Team Hunyuan3D"),
        ("Meta AI", "Meta AI"),
        ("ATLAS Collaboration", "ATLAS Collaboration"),
        ("The LIGO Scientific Group", "The LIGO Scientific Group"),
        ("Dept. of Computing", "Dept. of Computing"),
        ("Ann One, X Institute", "Ann One, X Institute"),
    ],
)
def test_names_are_inverted(full: str, inverted: str) -> None:
    name = split_name(full)
    assert name.inverted == inverted
    assert name.full == full


def test_what_is_no_name_is_left_out() -> None:
    assert split_names([":", " ", "Bo  Two\n"]) == [Name("Two", "Bo")]
