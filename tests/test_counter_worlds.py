"""Every claim card of the course, in worlds in which it should not appear, and does not.

``counter_worlds/NN.toml`` holds the worlds of lesson NN: a table for each card, and in it the worlds, by what
is other there. A world gives names of the lesson another value (``names``: Python, read where the lesson has
run), or edits cells (``edits``: cell id, old text, new text). The edited cells are run again in their order,
and so are those that ``rerun`` names; then the card's own cell runs.
"""

import contextlib
import io
import tomllib
from collections.abc import Iterator
from typing import Any

import notebook_rules as rules
import pytest
from lessons import FOLDER, read, run_once
from matplotlib import rc_context

from helpers.claims import GROUPS, UnsupportedError
from helpers.course import cards, lessons

LESSONS = {path.name[:2]: path for path in lessons(FOLDER)}
WORLDS: dict[str, dict[str, dict[str, Any]]] = {}
for file in sorted(FOLDER.parent.glob("tests/counter_worlds/*.toml")):
    WORLDS |= tomllib.loads(file.read_text(encoding="utf-8"))
CARDS = {card.id: card for path in LESSONS.values() for card in cards(path)}
EACH = pytest.mark.parametrize(
    ("card", "worlds"),
    [pytest.param(CARDS[name], worlds, id=f"{CARDS[name].lesson}-{name}") for name, worlds in WORLDS.items()],
)


@contextlib.contextmanager
def elsewhere(namespace: dict[str, Any]) -> Iterator[None]:
    """Let what happens in the block leave the lesson's names as they were."""
    kept = dict(namespace)
    with pytest.MonkeyPatch.context() as patch, rc_context(), contextlib.redirect_stdout(io.StringIO()):
        patch.chdir(FOLDER)
        try:
            yield
        finally:
            namespace.clear()
            namespace.update(kept)


def refused(card: Any, world: dict[str, Any]) -> dict[str, list[str]]:
    """Run a card's cell in a world; return the facts that fail there, by group."""
    path = LESSONS[card.lesson]
    source = {cell.id: cell.source for cell in rules.code_cells(read(path))}
    own = card.link.split("=")[-1]
    for cell, old, new in world.get("edits", []):
        assert source[cell].count(old) == 1, f"{old!r} stands {source[cell].count(old)} times in cell {cell}"
        source[cell] = source[cell].replace(old, new)
    again = {cell for cell, _, _ in world.get("edits", [])} | {*world.get("rerun", []), own}
    assert again <= source.keys(), f"no cell {again - source.keys()}"
    namespace = run_once(path).namespace
    with elsewhere(namespace):
        others = {name: eval(value, namespace) for name, value in world.get("names", {}).items()}
        assert others.keys() <= namespace.keys(), f"no name {others.keys() - namespace.keys()}"
        namespace |= others
        try:
            for cell in [cell for cell in source if cell in again]:
                exec(compile(source[cell], f"<cell {cell}>", "exec"), namespace)
        except UnsupportedError as refusal:
            return refusal.failed
    return {}


def test_every_card_has_a_counter_world():
    assert sorted(WORLDS) == sorted(CARDS)


@EACH
def test_a_card_appears_here_and_each_side_of_its_evidence_can_fail(card, worlds):
    assert refused(card, {}) == {}, "the card does not appear where nothing is changed"
    failed = {what: refused(card, world) for what, world in worlds.items()}
    believed = [what for what, facts in failed.items() if not facts]
    assert not believed, f"the card appears in these worlds, too: {believed}"
    assert set(GROUPS[card.verdict]) == set().union(*failed.values()), f"what failed is only {failed}"
