import re

import pytest

from helpers.table import Table

ROWS = [{"name": "relu", "slope": "1"}, {"name": "sigmoid <&>", "slope": "1/4"}]


def test_a_viewer_that_runs_nothing_gets_a_plain_table():
    html = Table(ROWS, "Slopes & <names>")._repr_html_()
    without_script = re.sub(r"<script>.*</script>", "", html, flags=re.DOTALL)
    assert "<caption>Slopes &amp; &lt;names&gt;</caption>" in without_script
    assert '<th scope="row">sigmoid &lt;&amp;&gt;</th><td>1/4</td>' in without_script
    assert "<p data-tools hidden>" in without_script


def test_the_text_form_aligns_its_columns():
    assert repr(Table(ROWS, "Slopes")).splitlines() == [
        "Slopes",
        "name         slope",
        "relu         1",
        "sigmoid <&>  1/4",
    ]


def test_two_tables_have_two_ids():
    first, second = (re.search(r'<div id="([^"]+)"', Table(ROWS[:n], "t")._repr_html_())[1] for n in (1, 2))
    assert first != second


@pytest.mark.parametrize(
    ("rows", "caption", "words"),
    [
        ([], "x", "rows must hold at least one row"),
        ([{"a": "1"}, {"b": "1"}], "x", r"row 1 has \['b'\], the first \['a'\]"),
        (ROWS, " ", "caption must say what the table shows"),
    ],
)
def test_a_table_that_cannot_be_is_refused(rows, caption, words):
    with pytest.raises(ValueError, match=words):
        Table(rows, caption)
