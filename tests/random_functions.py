"""Compare the properties of random functions with brute force: `python tests/random_functions.py 2000`.

Each function is made of tanh, erf, exp(−t²), √(1 + t²), asinh t, lines and constants with t = b x + c, scaled
by a and shifted by d; many are cut at random points and jump there. Brute force knows only how to compute
value and slope of the parts with 50 digits, and their limits. A disagreement is a silent error; a refusal is
counted.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mpmath
import numpy as np
import sympy as sp

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.activations import Activation, x
from helpers.properties import Properties, properties

MP = mpmath.MPContext()
MP.dps = 50
INF = MP.inf

# Each part as SymPy writes it; its value, its slope, and the limits of both at −∞ and ∞.
PARTS = {
    "tanh": (sp.tanh, MP.tanh, lambda t: MP.sech(t) ** 2, (-1, 1), (0, 0)),
    "erf": (sp.erf, MP.erf, lambda t: 2 * MP.exp(-t * t) / MP.sqrt(MP.pi), (-1, 1), (0, 0)),
    "gauss": (
        lambda t: sp.exp(-(t**2)),
        lambda t: MP.exp(-t * t),
        lambda t: -2 * t * MP.exp(-t * t),
        (0, 0),
        (0, 0),
    ),
    "root": (
        lambda t: sp.sqrt(1 + t**2),
        lambda t: MP.sqrt(1 + t * t),
        lambda t: t / MP.sqrt(1 + t * t),
        (INF, INF),
        (-1, 1),
    ),
    "asinh": (sp.asinh, MP.asinh, lambda t: 1 / MP.sqrt(1 + t * t), (-INF, INF), (0, 0)),
    "line": (lambda t: t, lambda t: t, lambda t: MP.one, (-INF, INF), (1, 1)),
    "constant": (lambda t: sp.S.Zero, lambda t: MP.zero, lambda t: MP.zero, (0, 0), (0, 0)),
}
OFFSETS = [*np.arange(-120, 121) / 10, *(s * 10.0**k for s in (-1, 1) for k in np.arange(-3, 3.1, 0.25))]


def mpf(number: sp.Rational) -> mpmath.mpf:
    return MP.mpf(int(number.p)) / int(number.q)


@dataclass(frozen=True)
class Part:
    """a g(b x + c) + d from low to high."""

    name: str
    a: sp.Rational
    b: sp.Rational
    c: sp.Rational
    d: sp.Rational
    low: sp.Expr
    high: sp.Expr

    @property
    def formula(self) -> sp.Expr:
        return self.a * PARTS[self.name][0](self.b * x + self.c) + self.d

    def value(self, at: mpmath.mpf) -> mpmath.mpf:
        return mpf(self.a) * PARTS[self.name][1](mpf(self.b) * at + mpf(self.c)) + mpf(self.d)

    def slope(self, at: mpmath.mpf) -> mpmath.mpf:
        return mpf(self.a * self.b) * PARTS[self.name][2](mpf(self.b) * at + mpf(self.c))

    def limits(self, side: int) -> tuple[mpmath.mpf, mpmath.mpf]:
        which = int((side > 0) == (self.b > 0))
        value, slope = PARTS[self.name][3][which], PARTS[self.name][4][which]
        return mpf(self.a) * value + mpf(self.d), mpf(self.a * self.b) * slope

    def ends(self) -> list[mpmath.mpf]:
        return [mpf(end) for end in (self.low, self.high) if end.is_finite]

    def sample(self) -> list[mpmath.mpf]:
        """Points of the open interval: about the bend, about the ends, and between these."""
        center, width = -mpf(self.c / self.b), 1 / abs(mpf(self.b))
        points = [center + MP.mpf(float(offset)) * width for offset in OFFSETS]
        for end in self.ends():
            points += [end + s * width * MP.mpf(10) ** k for s in (-1, 1) for k in (-20, -6, -3, -1, 0, 1)]
        if self.low.is_finite and self.high.is_finite:
            low, high = mpf(self.low), mpf(self.high)
            points += [low + (high - low) * k / 64 for k in range(1, 64)]
        low = mpf(self.low) if self.low.is_finite else -INF
        high = mpf(self.high) if self.high.is_finite else INF
        return sorted({point for point in points if low < point < high})


class Case:
    """A function of one to four parts; a border's value is that of the part on its right or its left."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        count = int(self.rng.choice([0, 0, 0, 1, 2, 3]))
        borders = sorted({self.number() for _ in range(count)})
        ends = [-sp.oo, *borders, sp.oo]
        names = list(PARTS)[: 5 if not borders else 7]
        self.parts = [
            Part(str(self.rng.choice(names)), *(self.number(nonzero) for nonzero in (1, 1, 0, 0)), low, high)
            for low, high in itertools.pairwise(ends)
        ]
        self.left = [bool(self.rng.integers(2)) for _ in borders]
        pieces = [
            (part.formula, x <= part.high if left else x < part.high)
            for part, left in zip(self.parts, self.left, strict=False)
        ]
        self.expr = sp.Piecewise(*pieces, (self.parts[-1].formula, True)) if pieces else self.parts[0].formula

    def number(self, nonzero: bool = False) -> sp.Rational:
        """A tenth, a whole number, or one of any size."""
        kind = self.rng.integers(4)
        if kind < 2:
            number = sp.Rational(int(self.rng.integers(-30, 31)), 10)
        elif kind == 2:
            number = sp.Rational(int(self.rng.integers(-9, 10)))
        else:
            size = 10 ** self.rng.uniform(-4, 4)
            number = sp.Rational(f"{self.rng.choice([-1, 1]) * size:.3g}")
        return self.number(nonzero) if nonzero and number == 0 else number

    def at_borders(self) -> list[tuple[Part, mpmath.mpf, Part]]:
        found = []
        for before, left, after in zip(self.parts, self.left, self.parts[1:], strict=False):
            found.append((before, (before if left else after).value(mpf(before.high)), after))
        return found

    def about(self, place: float) -> list[Part]:
        slack = 1e-12 * (1 + abs(place))
        return [part for part in self.parts if part.low <= place + slack and place - slack <= part.high]

    def jumps(self) -> list[bool]:
        return [
            abs(a.value(mpf(a.high)) - b.value(mpf(a.high))) > MP.mpf(10) ** -40
            for a, _, b in self.at_borders()
        ]


def inside(value: mpmath.mpf, numbers: sp.Set, slack: float) -> bool:
    parts = numbers.args if isinstance(numbers, sp.Union) else [numbers]
    return any(
        any(abs(value - MP.mpf(float(n))) <= slack for n in part)
        if isinstance(part, sp.FiniteSet)
        else MP.mpf(float(part.inf)) - slack <= value <= MP.mpf(float(part.sup)) + slack
        for part in parts
    )


def spans(numbers: sp.Set) -> list[tuple[float, float]]:
    if isinstance(numbers, sp.Union):
        return [span for part in numbers.args for span in spans(part)]
    if isinstance(numbers, sp.FiniteSet):
        return [(float(n), float(n)) for n in numbers]
    return [(float(numbers.inf), float(numbers.sup))]


def alike(found: sp.Expr, expected: mpmath.mpf, rel: float, floor: float) -> bool:
    value = float(found)
    if not np.isfinite(value) or not MP.isfinite(expected):
        return value == float(expected)
    return bool(abs(value - expected) <= rel * abs(expected) + floor)


def disagreements(case: Case, found: Properties) -> Iterator[str]:
    """Yield what brute force finds otherwise."""
    samples = [(part, part.sample()) for part in case.parts]
    values = [[part.value(p) for p in points] for part, points in samples]
    slopes = [[part.slope(p) for p in points] for part, points in samples]
    border_values = [value for _, value, _ in case.at_borders()]
    at_ends = [part.value(end) for part in case.parts for end in part.ends()]
    limits = [case.parts[0].limits(-1), case.parts[-1].limits(1)]
    scale = float(max(abs(v) for part in case.parts for v in (mpf(part.a), mpf(part.d))))
    tiny = 1e-13 * scale

    # Range
    taken = [value for each in values for value in each] + border_values
    if not all(inside(value, found.range, tiny + 1e-13 * float(abs(value))) for value in taken):
        yield "a value lies outside the range"
    everything = [*taken, *at_ends, limits[0][0], limits[1][0]]
    for end, expected in ((found.range.inf, min(everything)), (found.range.sup, max(everything))):
        if not alike(end, expected, 1e-13, 2e-3 * scale):
            yield f"the range ends at {end}, values at {MP.nstr(expected, 8)}"
    for low, high in spans(found.range):
        for end in (low, high):
            if np.isfinite(end) and min(abs(value - end) for value in everything) > 2e-3 * scale:
                yield f"no value comes near {end}, an end of the range"

    # Growth
    steps = [
        step
        for before, value, after in case.at_borders()
        for step in (value - before.value(mpf(before.high)), after.value(mpf(before.high)) - value)
        if abs(step) > MP.mpf(10) ** -40
    ]
    signs = {int(MP.sign(s)) for each in [*slopes, steps] for s in each} - {0}
    flat = any(part.name == "constant" for part in case.parts)
    expected_name = {
        (): "constant",
        (1,): "non-decreasing" if flat else "increasing",
        (-1,): "non-increasing" if flat else "decreasing",
    }.get(tuple(signs), "no")
    if found.monotone != expected_name:
        yield f"{found.monotone}, not {expected_name}"

    # Slopes
    jumps = case.jumps()
    if (found.smoothness == -1) != any(jumps):
        yield f"smoothness {found.smoothness}, jumps {jumps}"
    kinks = [
        abs(a.slope(mpf(a.high)) - b.slope(mpf(a.high))) > MP.mpf(10) ** -40 for a, _, b in case.at_borders()
    ]
    if not any(jumps) and (found.smoothness == 0) != any(kinks):
        yield f"smoothness {found.smoothness}, kinks {kinks}"
    if not case.left and found.smoothness != np.inf:
        yield f"smoothness {found.smoothness} of an analytic function"
    steep = [abs(slope) for each in slopes for slope in each]
    steep += [abs(part.slope(end)) for part in case.parts for end in part.ends()]
    steep += [abs(slope) for _, slope in limits]
    steepest = INF if any(jumps) else max(steep)
    if not alike(found.lipschitz, steepest, 2e-3, 0) or float(found.lipschitz) < steepest * (1 - 1e-13):
        yield f"Lipschitz constant {found.lipschitz}, slopes up to {MP.nstr(steepest, 8)}"
    if not any(jumps):
        lines = (abs(part.slope(MP.zero)) for part in case.parts if part.name == "line")
        if found.max_slope_at is None and steepest in lines:
            yield "the largest slope is taken"
        for place in (end for span in spans(found.max_slope_at or sp.FiniteSet(sp.oo)) for end in span):
            if np.isfinite(place):
                best = max(abs(part.slope(MP.mpf(place))) for part in case.about(place))
                if not alike(found.lipschitz, best, 1e-6, 0):
                    yield f"at {place} the slope is {MP.nstr(best, 8)}, not {found.lipschitz}"

    # Extrema
    unreached = {part.limits(side)[0] for part in case.parts for side in (-1, 1)}
    for extremum, end in ((found.minimum, found.range.inf), (found.maximum, found.range.sup)):
        if extremum is None:
            # With 50 digits, tanh 300 is no less than 1.
            if any(alike(end, value, 0, 0) for value in border_values if value not in unreached):
                yield f"{end} is taken"
            continue
        for low, high in spans(extremum.at):
            for place in {low, high} - {-np.inf, np.inf}:
                near = [part.value(MP.mpf(place)) for part in case.about(place)]
                if not any(alike(extremum.value, value, 1e-9, 1e-9 * scale) for value in near):
                    yield f"at {place} it is not {extremum.value}"

    # Far out
    for which, (value, slope) in enumerate(limits):
        told = found.limits[which], found.slope_limits[which]
        if not all(alike(a, b, 1e-14, 0) for a, b in zip(told, (value, slope), strict=True)):
            yield f"limits {told}, not {value}, {slope}"
        part = case.parts[-which]
        kind = "hard" if part.name == "constant" else "none" if slope else "soft"
        if (found.left_saturation, found.right_saturation)[which] != kind:
            yield f"saturation {found.left_saturation}, {found.right_saturation}, not {kind}"


def check(seed: int) -> tuple[str | None, list[str]]:
    """Return why a random function was refused, if it was, and all disagreements."""
    case = Case(seed)
    try:
        found = properties(Activation(f"seed_{seed}", case.expr))
    except ValueError as refusal:
        return str(refusal), []
    return None, [f"seed {seed}, {case.expr}: {sentence}" for sentence in disagreements(case, found)]


def main(count: int) -> int:
    """Check so many functions and print what was found."""
    start, refusals, errors = time.process_time(), [], []
    for seed in range(count):
        refusal, wrong = check(seed)
        errors += wrong
        if refusal is not None:
            refusals.append(refusal)
    for line in [*errors, *refusals]:
        print(line)
    seconds = time.process_time() - start
    print(f"{count} functions: {len(errors)} silent errors, {len(refusals)} refusals, {seconds:.0f} s")
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
