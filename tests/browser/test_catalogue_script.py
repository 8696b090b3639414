"""The catalogue in the browser's JavaScript."""

from tests.test_javascript import assert_as_in_python, script


def test_chromium_computes_what_python_does(watch):
    watched = watch()
    watched.page.add_script_tag(content=f"{script()} window.answer = answer;")
    assert_as_in_python(watched.page.evaluate("window.answer"))
    assert watched.errors == []
