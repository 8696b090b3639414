"""The rules every notebook keeps; each function returns the sentences in which a notebook breaks one."""

import ast
import re
from itertools import groupby, pairwise, takewhile

from helpers.views import WIDGET_VIEW
from tools.colab import is_colab_cell

LONGEST_CELL = 15
LONGEST_FOLDED_CELL = 25
MOST_CELLS_UNDER_A_TEXT = 4
LEAST_EXERCISES = 4
# What a reader can take in at one sitting.
BUDGET = {"cells": 110, "words": 2_800, "visible lines": 250, "cards": 8}
# Reading at 200 words a minute, a line of code in 5 seconds; then time to move, to think and to answer.
MINUTES = {"words": 1 / 200, "visible lines": 1 / 12, "explorers": 3, "predictions": 1, "checks": 3}
SECTIONS = ("exercises", "summary", "claims", "references")
HEX_COLOR = re.compile(r"""["']#(?:[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})["']""")
LOOK = {"figsize": "sets a figure size", "rcParams": "sets Matplotlib's look"}
DRAWS = re.compile(
    r"panels|label_line|Picture|ValueAndSlope|draw\w*|mark|set|set_\w+|(?:semilog[xy]|log)?(?:plot|log)|scatter|"
    r"(?:fill|bar|contour|hist|box|violin|error|stem|step|quiver|stream|im|pcolor|pcolormesh|tripcolor|ax[hv])"
    r"\w*|legend|annotate|text|add_\w+|grid|invert_[xy]axis|colorbar|tick_params|margins"
)
BUILDS = {"panels", "ValueAndSlope", "Picture"}
SWALLOWS_ERRORS = {"interact", "interactive", "interactive_output", "Output"}


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def is_folded(cell):
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def size(notebook):
    """What a lesson asks of its reader, in the units of the budget and of the stated time."""
    code = code_cells(notebook)
    called = [name for cell in code for name in calls_in(cell)]
    shown = [out.get("data", {}).get("text/plain", "") for cell in code for out in cell.get("outputs", [])]
    kinds = [text.split(":")[0] for text in shown]
    return {
        "cells": len(notebook.cells),
        "words": len(prose(notebook).split()),
        "visible lines": sum(len(lines(cell)) for cell in code if not is_folded(cell)),
        "cards": called.count("claim"),
        "explorers": kinds.count("Explorer"),
        "predictions": kinds.count("Predict"),
        "checks": kinds.count("Check"),
    }


def minutes(notebook):
    """The time that a lesson takes, to the next five minutes."""
    counted = size(notebook)
    return 5 * round(sum(counted[what] * each for what, each in MINUTES.items()) / 5)


def over_budget(notebook, allowed):
    """What a lesson has more of than it may."""
    counted = size(notebook)
    return [
        f"{counted[what]} {what}; {most} are allowed"
        for what, most in allowed.items()
        if counted[what] > most
    ]


def parsed(cell):
    """The cell as Python; magics and shell commands have no place in a lesson and fail here."""
    return ast.parse(cell.source)


def names_in(cell):
    """Names, attributes and keywords a cell uses."""
    for node in ast.walk(parsed(cell)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.alias):
            yield node.name.split(".")[-1]


def calls_in(cell):
    for node in ast.walk(parsed(cell)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield node.func.id if isinstance(node.func, ast.Name) else node.func.attr


def questions_in(cell):
    """The questions a cell shows: of the lesson's file, or written in the cell itself."""
    for line in parsed(cell).body:
        shown = line.value if isinstance(line, ast.Expr) else None
        if isinstance(shown, ast.Subscript) and getattr(shown.value, "id", None) == "questions":
            yield shown
    yield from (name for name in calls_in(cell) if name in {"check", "predict"})


def setter_shown(cell):
    """The Matplotlib setter that a cell ends with; what it returns would stand under the cell."""
    last = parsed(cell).body[-1:]
    match last:
        case [ast.Expr(ast.Call(ast.Attribute(attr=name)))] if name == "set" or name.startswith("set_"):
            return name
    return None


def _draws(statement):
    """Whether a statement does nothing but draw."""
    match statement:
        case ast.Expr(value) | ast.Assign(value=value):
            while isinstance(value, ast.Subscript):
                value = value.value
            match value:
                case ast.Call(ast.Name(name)) | ast.Call(ast.Attribute(attr=name)):
                    return bool(DRAWS.fullmatch(name))
            return False
        case ast.For(body=body) | ast.With(body=body):
            return all(map(_draws, body))
    return False


def plumbing(cell):
    """What makes a cell one that a reader need not see, if anything does: what it shows speaks for itself."""
    body = parsed(cell).body
    if body and all(map(_draws, body)):
        return "only draws"
    if any(isinstance(node, ast.FunctionDef) and node.name == "update" for node in body):
        return "moves a picture"
    called = set(calls_in(cell))
    return "builds a figure" if called & BUILDS else "shows a card" if "claim" in called else ""


def repeated_line(latex):
    """A line that a derivation shows twice in a row: the step between them shows nothing."""
    shown = [line.split("& ", 1)[1].split(" && ")[0] for line in latex.splitlines() if "& " in line]
    shown = [line.removesuffix(r" \\") for line in shown]
    return next((one for one, other in pairwise(shown) if one == other), None)


def is_solution(cell):
    return "solution" in cell.metadata.get("tags", [])


def broken_cell_rules(notebook):
    cells = code_cells(notebook)
    broken = []
    first = 1 + len(list(takewhile(is_colab_cell, cells)))
    for number, cell in enumerate(cells, start=1):
        longest = LONGEST_FOLDED_CELL if is_folded(cell) else LONGEST_CELL
        if len(lines(cell)) > longest:
            broken.append(f"code cell {number} has {len(lines(cell))} lines; {longest} are allowed")
        if number > first and any(
            isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(parsed(cell))
        ):
            broken.append(f"code cell {number} imports; only the first may")
        if number > first and re.search(r"\bstyle\.use\(|\bread_questions\(", cell.source):
            broken.append(f"code cell {number} sets the look or reads questions; that is the first one's")
        if (what := plumbing(cell)) and not is_folded(cell):
            broken.append(f"code cell {number} {what}, and is not folded")
        if found := HEX_COLOR.search(cell.source):
            broken.append(f"code cell {number} names the color {found[0]}")
        if cell.source.rstrip().endswith(";"):
            broken.append(f"code cell {number} ends in ;, which nbval does not honor")
        if name := setter_shown(cell):
            broken.append(f"code cell {number} shows what {name} returns")
        used = set(names_in(cell))
        broken += [f"code cell {number} {what}" for name, what in LOOK.items() if name in used]
        broken += [f"code cell {number} uses {name}" for name in sorted(SWALLOWS_ERRORS & used)]
        if any(isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n in ast.walk(parsed(cell))):
            broken.append(f"code cell {number} imports *")
    if cells and not is_folded(cells[first - 1]):
        broken.append("the first code cell, which imports, is not folded")
    if notebook.cells and notebook.cells[0].cell_type == "code":
        broken.append("a notebook begins with a text")
    for kind, run in groupby(notebook.cells, key=lambda cell: cell.cell_type):
        if kind == "code" and (count := len(list(run))) > MOST_CELLS_UNDER_A_TEXT:
            broken.append(f"{count} code cells follow one text; {MOST_CELLS_UNDER_A_TEXT} may")
    return broken + rebound_names(notebook)


def assigned_in(tree):
    """Names that a piece of code binds; those of a comprehension live in it alone."""
    comprehended = [node.target for node in ast.walk(tree) if isinstance(node, ast.comprehension)]
    inner = {node for target in comprehended for node in ast.walk(target)}
    stored = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return {node.id for node in stored if node not in inner}


def rebound_names(notebook):
    """A picture moves whenever its slider does: the globals of its function must stay what they were."""
    cells = [parsed(cell) for cell in code_cells(notebook)]
    broken = []
    for number, cell in enumerate(cells, start=1):
        for function in (node for node in cell.body if isinstance(node, ast.FunctionDef)):
            own = assigned_in(function) | {
                node.arg for node in ast.walk(function) if isinstance(node, ast.arg)
            }
            used = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)} - own
            for later, body in enumerate(cells[number:], start=number + 1):
                inner = [node for node in body.body if not isinstance(node, ast.FunctionDef)]
                for name in sorted(used & set().union(*map(assigned_in, inner), set())):
                    if any(name in assigned_in(before) for before in cells[:number]):
                        broken.append(
                            f"code cell {later} rebinds {name}, which {function.name} of {number} uses"
                        )
    return broken


def broken_output_rules(notebook):
    broken = []
    if "widgets" in notebook.metadata:
        broken.append("widget state is saved")
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        broken.append(f"the cells were not run once each from top to bottom: {counts}")
    for number, cell in enumerate(code_cells(notebook), start=1):
        for output in cell.outputs:
            if output.output_type == "error":
                broken.append(f"code cell {number} shows an error: {output.ename}")
            if output.get("name") == "stderr":
                broken.append(f"code cell {number} writes to stderr: {output.text[:60]!r}")
            data = output.get("data", {})
            if WIDGET_VIEW in data and data.keys() - {WIDGET_VIEW, "text/plain"}:
                broken.append(f"code cell {number} saves a widget view without its model; run make notebooks")
            if "image/svg+xml" in data:
                broken.append(f"code cell {number} saves an SVG, which differs in every run")
            if line := repeated_line(data.get("text/latex", "")):
                broken.append(f"code cell {number} shows a step that changes nothing: {line}")
    return broken


def broken_lesson_rules(notebook):
    broken = []
    title = notebook.cells[0].source.splitlines()[0] if notebook.cells else ""
    if notebook.cells[0].cell_type != "markdown" or not re.fullmatch(r"# .*\?", title.strip()):
        broken.append(f"the first cell's title asks no question: {title!r}")
    headings = "\n".join(re.findall(r"^#{2,} .*$", prose(notebook), re.MULTILINE)).lower()
    broken += [f"no section on {section}" for section in SECTIONS if section.rstrip("s") not in headings]
    exercises = sum(len(list(questions_in(cell))) for cell in code_cells(notebook))
    if exercises < LEAST_EXERCISES:
        broken.append(f"{exercises} exercises; at least {LEAST_EXERCISES} are needed")
    solutions = [cell for cell in code_cells(notebook) if is_solution(cell)]
    if not solutions:
        broken.append("no cell is tagged as a solution")
    for cell in solutions:
        if not is_folded(cell):
            broken.append(f"a solution is not folded: {cell.source.splitlines()[:1]}")
    return broken
