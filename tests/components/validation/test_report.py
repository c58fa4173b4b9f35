"""The report stands alone, says what matters, and lets nothing that users wrote become part of the page."""

import re

import polars as pl
from matplotlib.figure import Figure

from components.drawing import drawn
from components.records.handles import DataVerdict, Estimate
from components.records.schemas import Preference, as_records
from components.validation.finding import Finding
from components.validation.report import Subject, page


def said(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


PREFERENCES = as_records(
    pl.DataFrame(
        {
            "prompt": [said("user", "Hello?"), said("user", "<script>alert(1)</script> & more")],
            "chosen": [said("assistant", "Good day."), said("assistant", "No <b>bold</b>.")],
            "rejected": [said("assistant", "What."), said("assistant", "Perhaps.")],
            "strength": [1.0, 1.0],
            "weight": [1.0, 1.0],
            "source": ["test", "test"],
            "provenance": [["a:1"], ["a:2"]],
        }
    ),
    Preference,
)


def test_a_person_finds_verdict_numbers_pictures_and_rows_and_users_text_stays_text() -> None:
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], [0, 1])
    suspects = pl.DataFrame({"id": [PREFERENCES["id"][1]], "reason": ["says <it>"]})
    found = Finding(
        measures={"data/odd": Estimate(value=0.25, low=0.125, high=0.5, n=1234)},
        sentence="A quarter is odd.",
        figure=figure,
        suspects=suspects,
    )
    verdict = DataVerdict(outcome="hold", reasons=("hold: data/odd is too odd", "pass: all else"))
    subject = Subject("0123456789abcdef.dir", "000007-abc", (("preferences", 2000, 2),), ("3 rows wait.",))
    html = page(subject, verdict, {"oddness": found}, {"oddness": drawn(figure)}, PREFERENCES)

    for told in ("holds it for a person", "heed accept 7", "A quarter is odd.", "0.125 to 0.5", "1,234", "2,000"):
        assert told in html
    assert "3 rows wait." in html
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in html
    assert "says &lt;it&gt;" in html
    assert html.count("data:image/svg+xml;base64,") == 1
    assert not re.search(r'(src|href)="(?!data:)', html), "nothing is loaded from anywhere"
