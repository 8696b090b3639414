"""Typed answers, read as a teacher reads them and never evaluated as Python; `exercises.js` reads alike."""

import math
import operator
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np
import sympy
from scipy import special

# A formula's cost is bounded by its form, before any of it is computed.
LONGEST_ANSWER = 300
DEEPEST_PARTS = 60
DEEPEST_POWERS = 4
LARGEST_EXPONENT = 1000
LONGEST_NUMBER = 40
LONGEST_PRODUCT = 20

CONSTANTS = {"pi": sympy.pi, "e": sympy.E}

# What a text is rewritten to before it is read, in this order. The patterns mean the same in JavaScript, to
# which `notation` hands them.
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿˣᵏˢᵗ"
_FRACTIONS = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
REWRITTEN_BEFORE_NFKC = [
    (f"([{_SUPERSCRIPTS}]+)", r"^(\1)"),
    (f"([0-9])[ \u00a0]?([{_FRACTIONS}])", r"(\1+\2)"),
    (f"([{_FRACTIONS}])", r"(\1)"),
    ("º", "°"),
]
_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta", "θ": "theta"}
_GREEK |= {
    "κ": "kappa",
    "λ": "lambda",
    "μ": "mu",
    "π": "pi",
    "ρ": "rho",
    "σ": "sigma",
    "τ": "tau",
    "φ": "phi",
}
REWRITTEN = [
    ("[\u00ad\u200b-\u200f\u2060\u2061\u2063\ufe00-\ufe0f\ufeff]", ""),
    ("[\\t\\n\\r\\f\\v\u2028\u2029]", " "),
    ("[−–—‐‒]", "-"),
    ("[×·⋅∙•∗\u2062]", "*"),
    ("[÷∕⁄]", "/"),
    (r"\*\*", "^"),
    ("[′’]", "'"),
    (r"(?<![A-Za-z0-9_.])(?:np|numpy|math|sp|sympy|torch)\.(?=[A-Za-z])", ""),
    *[(sign, f" {name} ") for sign, name in _GREEK.items()],
    ("∞", " inf "),
    (r"\{", "("),
    (r"\}", ")"),
    (r"(?<![A-Za-z])(?:percent|per cent)(?![A-Za-z])", "%"),
    (r"(?<![A-Za-z])(?:degrees?|deg)(?![A-Za-z])", "°"),
    # "w = 4" and "a1 = 2, a2 = 2"; beside no other sign of equality, "f'(x) = 4" and "[a, b] = [2, 1]".
    (r"(^|[,;\[])\s*[A-Za-z][A-Za-z0-9_']*\s*:?=+\s*(?!=)", r"\1"),
    (r"^[^=]*[A-Za-z][^=]*=(?=[^=]*$)", ""),
    (r"^\s*(?:[=≈~≅]|(?:about|approximately|approx\.?|roughly|ca\.?)(?![A-Za-z]))\s*", ""),
    (r"[.!]\s*$", ""),
]
FILLERS = {"the", "answer", "is", "it"}
ALIASES = {
    "ln": "log",
    "sigma": "sigmoid",
    "logistic": "sigmoid",
    "arctan": "atan",
    "sgn": "sign",
    "log_2": "log2",
    "log_10": "log10",
    "lambertw": "W",
}


class UnreadableAnswerError(ValueError):
    """A typed answer that is not a number, an expression or an array of the kind asked for."""


def quoted(typed: str) -> str:
    """Typed text, short enough to repeat and without the marks that would end the quotation."""
    text = re.sub("[\\x00-\\x20\\x7f-\\xa0\u2028\u2029\ufeff]+", " ", typed.replace("`", "'")).strip(" ")
    return text if len(text) <= 60 else text[:57] + "…"


def plural(count: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


# ---------------------------------------------------------------------------------------------------------
# Terms and functions


@dataclass(frozen=True)
class Term:
    """A part of a formula.

    Attributes
    ----------
    expr : sympy.Expr
        What it says.
    value : float
        Its value; nan unless it is constant.
    unit : float or None
        The unit of the last digit, if it is a number typed in decimals.
    powers : int
        How many powers stand inside each other's exponents.
    largest : float
        The largest constant in it, in size.
    """

    expr: sympy.Expr
    value: float = math.nan
    unit: float | None = None
    powers: int = 0
    largest: float = 0.0

    @property
    def constant(self) -> bool:
        """Whether it has one value."""
        return not math.isnan(self.value)

    @property
    def digits(self) -> int:
        """How many significant digits were typed; 0 unless it is a number typed in decimals."""
        if self.unit is None or not self.value:
            return 0
        return math.floor(math.log10(abs(self.value) / self.unit) + 1e-9) + 1

    def rounds(self, exact: float) -> bool:
        """Whether it is an exact value, rounded or cut off after the last digit typed."""
        if self.unit is None or not self.digits:
            return False
        error = abs(self.value - exact) / self.unit
        return error <= 0.5 + 1e-6 or (error < 1 and abs(self.value) < abs(exact))


def digits_right(typed: Sequence[Term], exact: Sequence[float]) -> int:
    """To how many digits decimals give exact values; 0 if they do not, or if a whole number is not exact."""
    least = LONGEST_NUMBER
    for term, value in zip(typed, exact, strict=True):
        if abs(term.value - value) <= 8 * np.finfo(float).eps * abs(value):
            continue
        if float(value).is_integer() or not term.rounds(value):
            return 0
        least = min(least, term.digits)
    return least


def near(typed: Sequence[Term], exact: Sequence[float]) -> bool:
    """Whether each entry is within 1% of an exact value; two whole numbers must be the same."""
    return all(
        abs(term.value - value) <= 0.01 * abs(value)
        and (term.value == value or not (term.value.is_integer() and float(value).is_integer()))
        for term, value in zip(typed, exact, strict=True)
    )


@dataclass(frozen=True)
class Function:
    """What a name or sign stands for: as an expression, in doubles, and with how many arguments.

    `grows` tells that it stacks powers: 0, or the place of its exponent counted from 1.
    """

    build: Callable[..., sympy.Expr]
    number: Callable[..., Any]
    least: int = 1
    most: int = 1
    grows: int = 0


def _as_written(function: Any) -> Callable[..., sympy.Expr]:
    """Build an expression that SymPy leaves as it is: to simplify what people type can take it minutes."""
    return lambda *arguments: function(*arguments, evaluate=False)


_plus, _times, _power, _exp, _log = map(_as_written, (sympy.Add, sympy.Mul, sympy.Pow, sympy.exp, sympy.log))


def _negative(x: sympy.Expr) -> sympy.Expr:
    return -x if x.is_Rational else _times(sympy.S.NegativeOne, x)


def _over(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    return _times(a, _power(b, sympy.S.NegativeOne))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else math.exp(x)


def _lambert_w(x: float) -> float:
    return float(special.lambertw(x).real) if x >= -math.exp(-1) else math.nan


_SIGNS = {
    "+": Function(_plus, operator.add, 2, 2),
    "-": Function(lambda a, b: _plus(a, _negative(b)), operator.sub, 2, 2),
    "*": Function(_times, operator.mul, 2, 2),
    "/": Function(_over, operator.truediv, 2, 2),
    "^": Function(_power, operator.pow, 2, 2, grows=2),
    "negative": Function(_negative, operator.neg),
}
FUNCTIONS = {
    "exp": Function(_exp, math.exp, grows=1),
    "log": Function(_log, math.log),
    "log2": Function(lambda x: _over(_log(x), sympy.log(2)), math.log2),
    "log10": Function(lambda x: _over(_log(x), sympy.log(10)), math.log10),
    "sqrt": Function(lambda x: _power(x, sympy.S.Half), math.sqrt),
    "abs": Function(_as_written(sympy.Abs), abs),
    "sign": Function(_as_written(sympy.sign), lambda x: (x > 0) - (x < 0)),
    "sin": Function(_as_written(sympy.sin), math.sin),
    "cos": Function(_as_written(sympy.cos), math.cos),
    "tan": Function(_as_written(sympy.tan), math.tan),
    "atan": Function(_as_written(sympy.atan), math.atan),
    "sinh": Function(_as_written(sympy.sinh), math.sinh, grows=1),
    "cosh": Function(_as_written(sympy.cosh), math.cosh, grows=1),
    "tanh": Function(_as_written(sympy.tanh), math.tanh),
    "erf": Function(_as_written(sympy.erf), math.erf),
    "W": Function(_as_written(sympy.LambertW), _lambert_w),
    "max": Function(_as_written(sympy.Max), max, 2, 5),
    "min": Function(_as_written(sympy.Min), min, 2, 5),
    "sigmoid": Function(
        lambda x: _over(sympy.S.One, _plus(sympy.S.One, _exp(_negative(x)))), _sigmoid, grows=1
    ),
    "relu": Function(lambda x: sympy.Max(0, x, evaluate=False), lambda x: max(0.0, x)),
    "softplus": Function(
        lambda x: _log(_plus(sympy.S.One, _exp(x))),
        lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
        grows=1,
    ),
}


def _number(text: str) -> Term:
    if len(text) > LONGEST_NUMBER:
        raise UnreadableAnswerError("A number in it has too many digits.")
    value = float(text)
    if not math.isfinite(value):
        raise UnreadableAnswerError("A number in it is too large.")
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return Term(sympy.Rational(text), value, 10.0 ** (int(exponent or 0) - decimals), 0, abs(value))


def _single(entry: Any) -> Term:
    if isinstance(entry, list):
        raise UnreadableAnswerError("A list stands where a number belongs.")
    return entry


def _apply(function: Function, *operands: Any) -> Term:
    arguments = [_single(operand) for operand in operands]
    value = math.nan
    if all(argument.constant for argument in arguments):
        try:
            value = float(function.number(*(argument.value for argument in arguments)))
        except (ArithmeticError, ValueError, TypeError):
            value = math.nan
        if not math.isfinite(value):
            raise UnreadableAnswerError("It has no finite real value.")
    powers = max(argument.powers for argument in arguments)
    if function.grows:
        exponent = arguments[function.grows - 1]
        powers = max(powers, exponent.powers + 1)
        if powers > DEEPEST_POWERS:
            raise UnreadableAnswerError("Too many powers stand inside each other's exponents in it.")
        if exponent.largest > LARGEST_EXPONENT:
            raise UnreadableAnswerError(
                f"An exponent in it is too large; numbers up to {LARGEST_EXPONENT} are allowed there."
            )
    largest = max([argument.largest for argument in arguments] + [abs(value)] * math.isfinite(value))
    expr = function.build(*(argument.expr for argument in arguments))
    return Term(expr, value, None, powers, largest)


# ---------------------------------------------------------------------------------------------------------
# Reading


@dataclass(frozen=True)
class Vocabulary:
    """What one question's answer may be written with.

    Attributes
    ----------
    names : mapping of str to sympy.Expr
        The question's own names, and what they stand for.
    aliases : mapping of str to str
        Other spellings of these names. A function's stands for the name where no argument follows it.
    words : sequence of str
        Words that may stand beside the answer, as in ``7 steps``.
    shape : tuple of int or None
        The shape asked for; None takes any.
    """

    names: Mapping[str, sympy.Expr]
    aliases: Mapping[str, str] = field(default_factory=dict)
    words: Sequence[str] = ()
    shape: tuple[int, ...] | None = None

    def own(self, word: str) -> str | None:
        """The question's name that a word stands for; upper case counts as lower where only one name fits."""
        others = {spelling: name for spelling, name in self.aliases.items() if spelling not in FUNCTIONS}
        spellings = {name: name for name in self.names} | others
        if word in spellings:
            return spellings[word]
        alike = {name for spelling, name in spellings.items() if spelling.lower() == word.lower()}
        return alike.pop() if len(alike) == 1 else None

    def meaning(self, word: str) -> "Token | None":
        """What a word stands for, if it is known."""
        if (name := self.own(word)) is not None:
            return Token("name", name)
        for known in (word, word.lower()):
            known = ALIASES.get(known, known)
            if known in FUNCTIONS:
                return Token("function", known)
            if known in CONSTANTS:
                return Token("constant", known)
        return None

    def split(self, word: str) -> "list[Token] | None":
        """A word as a product of names, which `e` or a function may end, as in ``kexp(-kx)``."""
        if not word:
            return []
        if len(word) > LONGEST_PRODUCT:
            return None
        for end in range(len(word), 0, -1):
            head, rest = self.meaning(word[:end]), word[end:]
            if head is None or (head == Token("constant", "e") and rest):
                continue
            if head.kind == "function":
                if rest.isdigit() and end > 1:
                    return [head, Token("number", rest)]
                if rest or end < 2:
                    continue
            if (tail := self.split(rest)) is not None:
                return [head, *tail]
        return None


@dataclass(frozen=True)
class Token:
    """A number, name, constant, function, unknown word or sign.

    `spaced` tells that a space stands before it, `joined` that it continues a word, as the second factor of
    ``kx`` does.
    """

    kind: str
    text: str
    spaced: bool = False
    joined: bool = False

    @property
    def starts(self) -> bool:
        """Whether a factor may begin with it."""
        return self.kind != "sign" or self.text in {"(", "[", "√"}

    @property
    def ends(self) -> bool:
        """Whether a factor may end with it."""
        return self.kind != "sign" or self.text in {")", "]", "%", "°"}


_TOKEN = re.compile(
    r"( *)(?:((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"  # a number
    r"|([A-Za-z_][A-Za-z0-9_]*)|([-+*/^()\[\],;√|%°]))"
)


def _rewritten(text: str) -> str:
    for pattern, replacement in REWRITTEN_BEFORE_NFKC:
        text = re.sub(pattern, replacement, text)
    text = unicodedata.normalize("NFKC", text)
    for pattern, replacement in REWRITTEN:
        text = re.sub(pattern, replacement, text)
    return text.strip(" ")


def _tokens(text: str, vocabulary: Vocabulary) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            sign = text[position:].lstrip(" ")[:1]
            if sign == "=":
                raise UnreadableAnswerError("Type the answer alone, without a sign of equality.")
            raise UnreadableAnswerError(f"The sign `{quoted(sign)}` cannot be read here.")
        spaces, number, word, sign = found.groups()
        position = found.end()
        if number:
            meant = [Token("number", number)]
        elif word:
            known = vocabulary.meaning(word)
            beside = known is None and word.lower() in FILLERS.union(vocabulary.words)
            meant = [known] if known else []
            if not known and not beside:
                meant = vocabulary.split(word) or [Token("unknown", word)]
        else:
            meant = [Token("sign", sign)]
        tokens += [
            replace(token, spaced=bool(spaces and tokens and i == 0), joined=i > 0)
            for i, token in enumerate(meant)
        ]
    return tokens


def _separated(tokens: list[Token]) -> list[Token]:
    """Commas where spaces part the entries of a list, as in ``[2 -1 0]``."""
    result: list[Token] = []
    depth = 0
    for i, token in enumerate(tokens):
        after = tokens[i + 1] if i + 1 < len(tokens) else None
        minus = token.text in {"+", "-"} and after is not None and not after.spaced
        if depth == 0 and token.spaced and result and result[-1].ends and (token.starts or minus):
            result.append(Token("sign", ","))
        depth += (token.text == "(") - (token.text == ")")
        result.append(token)
    return result


class _Parser:
    """A parser by recursive descent; each method reads one rule of the grammar."""

    def __init__(self, tokens: list[Token], vocabulary: Vocabulary) -> None:
        self.tokens, self.vocabulary = tokens, vocabulary
        self.next = 0
        self.depth = 0
        self.calls = 0
        self.bars = 0
        self.bare = 0

    def token(self, ahead: int = 0) -> Token | None:
        place = self.next + ahead
        return self.tokens[place] if place < len(self.tokens) else None

    def sees(self, *signs: str) -> bool:
        token = self.token()
        return token is not None and token.kind == "sign" and token.text in signs

    def take(self, *signs: str) -> None:
        if not self.sees(*signs):
            self.incomplete()
        self.next += 1

    def incomplete(self) -> NoReturn:
        token, before = self.token(), self.tokens[self.next - 1] if self.next else None
        if token is None:
            raise UnreadableAnswerError("It is not complete: something is missing at the end.")
        if token.kind == "number" and before is not None and before.ends:
            raise UnreadableAnswerError(f"A sign is missing before `{token.text}`.")
        raise UnreadableAnswerError(f"`{token.text}` does not belong where it stands.")

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST_PARTS:
            raise UnreadableAnswerError("Too many of its parts stand inside each other.")

    def whole(self) -> Any:
        items = self.listed()
        if self.token() is not None:
            self.incomplete()
        return items

    def listed(self, closing: str = "") -> Any:
        """Entries up to the closing bracket; a semicolon beside commas ends a row."""
        self.deeper()
        rows: list[list[Any]] = [[]]
        separators = set()
        while not (self.sees(closing) if closing else self.token() is None):
            rows[-1].append(self.sum())
            if not self.sees(",", ";"):
                break
            separators.add(self.tokens[self.next].text)
            if self.tokens[self.next].text == ";":
                rows.append([])
            self.next += 1
        self.depth -= 1
        rows = [row for row in rows if row]
        if separators == {",", ";"}:
            return rows
        entries = [entry for row in rows for entry in row]
        return entries[0] if len(entries) == 1 and not separators and closing != "]" else entries

    def sum(self) -> Any:
        left = self.product()
        while self.sees("+", "-"):
            sign = _SIGNS[self.tokens[self.next].text]
            self.next += 1
            left = _apply(sign, left, self.product())
        return left

    def product(self) -> Any:
        left = self.signed()
        divided = False
        while True:
            token = self.token()
            if self.sees("*", "/"):
                divided = self.sees("/")
                sign = _SIGNS[self.tokens[self.next].text]
                self.next += 1
                left = _apply(sign, left, self.signed())
            elif self.implied(token):
                if divided:
                    self.two_ways("what follows `/`", "1/(2*x)")
                left = _apply(_SIGNS["*"], left, self.power())
            else:
                return left

    def implied(self, token: Token | None) -> bool:
        """Whether a factor follows without a sign; a number never does, and a list never is one."""
        if token is None or token.kind == "number" or token.text == "[":
            return False
        return token.starts or (token.text == "|" and not self.bars)

    def two_ways(self, what: str, example: str) -> NoReturn:
        raise UnreadableAnswerError(f"It can be read in two ways; put {what} in brackets, as in `{example}`.")

    def signed(self) -> Any:
        minus = False
        if not self.sees("+", "-"):
            return self.power()
        while self.sees("+", "-"):
            minus ^= self.sees("-")
            self.next += 1
        operand = _single(self.power())
        if not minus:
            return operand
        return replace(_apply(_SIGNS["negative"], operand), unit=operand.unit)

    def power(self) -> Any:
        self.deeper()
        base = self.scaled(self.atom())
        if self.sees("^"):
            self.next += 1
            base = _apply(_SIGNS["^"], base, self.exponent())
        self.depth -= 1
        return base

    def exponent(self) -> Term:
        first = self.token(1) if self.sees("+", "-") else self.token()
        exponent = _single(self.signed())
        while (after := self.token()) and after.joined:  # e^-kx
            exponent = _apply(_SIGNS["*"], exponent, self.power())
        if first is not None and first.kind != "sign" and after is not None and not after.spaced:
            opens = after.text == "(" and first.kind != "number"
            if opens or (after.kind != "sign" and after.kind != "number"):
                self.two_ways("the exponent", "e^(2*x)")
        return exponent

    def scaled(self, term: Any) -> Any:
        """A percentage, or an angle in degrees; one that stands in no function is left in degrees."""
        while self.sees("%", "°"):
            percent = self.sees("%")
            self.next += 1
            term = _single(term)
            if percent:
                hundred = _apply(_SIGNS["/"], term, _number("100"))
                term = replace(hundred, unit=term.unit and term.unit / 100)
            elif self.calls:
                degree = _apply(_SIGNS["/"], _constant("pi"), _number("180"))
                term = _apply(_SIGNS["*"], term, degree)
        return term

    def atom(self) -> Any:
        token = self.token()
        if token is None:
            self.incomplete()
        if token.kind == "number":
            self.next += 1
            return _number(token.text)
        if token.kind == "function":
            self.next += 1
            return self.call(token.text)
        if token.kind == "unknown":
            self.unknown(token.text)
        if token.kind != "sign":
            self.next += 1
            return self.value_of(token.text) if token.kind == "name" else _constant(token.text)
        return self.bracket()

    def value_of(self, name: str) -> Term:
        return Term(self.vocabulary.names[name])

    def unknown(self, word: str) -> NoReturn:
        after = self.token(1)
        if word.lower() in {"nan", "inf", "infinity", "oo"}:
            raise UnreadableAnswerError(f"`{quoted(word)}` is not a finite number.")
        if after is not None and after.text == "(":
            raise UnreadableAnswerError(f"`{quoted(word)}` is not a function this exercise knows.")
        raise UnreadableAnswerError(f"`{quoted(word)}` is not a name this exercise knows.")

    def bracket(self) -> Any:
        if self.sees("√"):
            self.next += 1
            self.deeper()
            inner = _single(self.atom())
            self.depth -= 1
            return _apply(FUNCTIONS["sqrt"], inner)
        if self.sees("|"):
            self.next += 1
            self.bars += 1
            self.deeper()
            inner = _single(self.sum())
            self.depth -= 1
            self.take("|")
            self.bars -= 1
            return _apply(FUNCTIONS["abs"], inner)
        closing = "]" if self.sees("[") else ")"
        self.take("(", "[")
        bars, self.bars = self.bars, 0
        items = self.listed(closing)
        self.bars = bars
        self.take(closing)
        if closing == ")" and isinstance(items, list) and not items:
            raise UnreadableAnswerError("There is nothing inside a pair of brackets.")
        return items

    def call(self, name: str) -> Term:
        exponent = None
        if self.sees("^"):  # sin^2(x)
            self.next += 1
            exponent = _single(self.atom())
        self.calls += 1
        bare = self.bare
        arguments = self.arguments(name)
        self.calls -= 1
        alias = self.vocabulary.aliases.get(name)
        if alias and (arguments is None or self.bare > bare):  # σ(1 - σ), where σ stands for a value
            self.bare += 1
            value = self.raised(self.value_of(alias), exponent)
            return value if arguments is None else _apply(_SIGNS["*"], value, arguments[0])
        if arguments is None and name in {"log2", "log10"}:  # log2 alone is the logarithm of 2
            name, arguments = "log", [_number(name[3:])]
        if arguments is None:
            raise UnreadableAnswerError(f"`{name}` needs an argument, as in `{name}(…)`.")
        function = FUNCTIONS[name]
        if not function.least <= len(arguments) <= function.most:
            raise UnreadableAnswerError(f"`{name}` takes {plural(function.least, 'argument')}.")
        if name == "W" and not _single(arguments[0]).constant:
            raise UnreadableAnswerError("`W` is read of numbers only.")
        return self.raised(_apply(function, *arguments), exponent)

    def raised(self, term: Term, exponent: Term | None) -> Term:
        return term if exponent is None else _apply(_SIGNS["^"], term, exponent)

    def arguments(self, name: str) -> list[Any] | None:
        if self.sees("("):
            self.next += 1
            items = self.listed(")")
            self.take(")")
            return items if isinstance(items, list) else [items]
        token = self.token()
        if token is None or not (token.kind in {"number", "name", "constant"} or self.sees("√")):
            return None
        argument = _single(self.power())
        # ln 2pi is the logarithm of 2*pi, and ln 2 pi is the logarithm of 2, times pi.
        while (token := self.token()) and token.kind in {"name", "constant"} and not token.spaced:
            argument = _apply(_SIGNS["*"], argument, self.power())
        if self.sees("("):
            self.two_ways("the argument", f"{name}(2*x)")
        return [argument]


def _constant(name: str) -> Term:
    value = float(CONSTANTS[name])
    return Term(CONSTANTS[name], value, None, 0, value)


def _array(nested: Any) -> np.ndarray:
    """An object array of what nested lists hold; a single entry has shape ()."""
    shape: list[int] = []
    level = nested
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None

    def flat(part: Any, depth: int) -> Iterator[Any]:
        inner = depth < len(shape)
        if isinstance(part, list) != inner or (inner and len(part) != shape[depth]):
            raise UnreadableAnswerError("The rows of an array must have the same length.")
        if inner:
            for item in part:
                yield from flat(item, depth + 1)
        else:
            yield part

    items = list(flat(nested, 0))
    if not items:
        raise UnreadableAnswerError("An array needs at least one entry.")
    result = np.empty(len(items), dtype=object)
    result[:] = items
    return result.reshape(shape)


def _fitted(found: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """The entries in the shape asked for, where a list of all of them or a row says them in order."""
    listed = found.ndim <= 1 or 1 in found.shape
    fits = found.shape == shape or (found.size == math.prod(shape) and listed)
    return found.reshape(shape) if fits else None


def _commas(text: str, shape: tuple[int, ...]) -> list[str]:
    """The text with its commas, or other signs between thousands, taken for what they may be instead."""
    thousands = re.fullmatch(r"[-+]?[1-9][0-9]{0,2}([, '][0-9]{3})+(\.[0-9]+)?", text) and not shape
    decimal = None
    if "." not in text and not re.search("[0-9],[0-9]+,[0-9]", text):
        decimal = re.sub("(?<=[0-9]),(?=[0-9])", ".", text)
    if decimal == text:
        decimal = None
    grouped = re.sub("[, ']", "", text) if thousands else None
    if decimal and grouped:
        raise UnreadableAnswerError(
            f"It can be read as {decimal} or as {grouped}; type the number without a comma."
        )
    return [other for other in (decimal, grouped) if other]


def read(text: str, vocabulary: Vocabulary) -> np.ndarray:
    """Read a typed answer.

    Parameters
    ----------
    text : str
        What was typed.
    vocabulary : Vocabulary
        What it may be written with, and which shape is asked for.

    Returns
    -------
    ndarray of Term
        The entries. Their shape is the one asked for, unless the text cannot be read so.

    Raises
    ------
    UnreadableAnswerError
        If the text is no formula, or a part of it has no finite real value.
    """
    if len(text) > LONGEST_ANSWER:
        raise UnreadableAnswerError(f"That is {len(text)} characters; at most {LONGEST_ANSWER} are read.")
    rewritten = _rewritten(text)
    if not rewritten:
        raise UnreadableAnswerError("Nothing is typed yet.")
    shape = vocabulary.shape
    others = [] if shape is None else _commas(rewritten, shape)
    misfit, reason = None, None
    for candidate in (rewritten, *others):
        for separated in (False, True) if shape else (False,):
            try:
                tokens = _tokens(candidate, vocabulary)
                if len(tokens) > LONGEST_ANSWER:
                    raise UnreadableAnswerError("It is too long.")
                tokens = _separated(tokens) if separated else tokens
                found = _array(_Parser(tokens, vocabulary).whole())
            except UnreadableAnswerError as error:
                reason = reason or error
                continue
            if shape is None:
                return found
            if (fitted := _fitted(found, shape)) is not None:
                return fitted
            misfit = found if misfit is None else misfit
    if misfit is None:
        raise reason or UnreadableAnswerError("It cannot be read.")
    return misfit


def read_answer(text: str, names: Mapping[str, sympy.Expr]) -> np.ndarray:
    """Read an answer in whatever shape it has, as SymPy expressions."""
    found = read(text, Vocabulary(names))
    entries = np.empty(found.shape, dtype=object)
    for position, term in np.ndenumerate(found):
        entries[position] = term.expr
    return entries


def notation() -> dict[str, Any]:
    """What the reader on a page must know, which has the same grammar."""
    return {
        "before": REWRITTEN_BEFORE_NFKC,
        "rewritten": REWRITTEN,
        "fillers": sorted(FILLERS),
        "aliases": ALIASES,
        "functions": {name: [f.least, f.most, f.grows] for name, f in FUNCTIONS.items()},
        "longest": LONGEST_ANSWER,
        "parts": DEEPEST_PARTS,
        "powers": DEEPEST_POWERS,
        "exponent": LARGEST_EXPONENT,
        "digits": LONGEST_NUMBER,
        "product": LONGEST_PRODUCT,
    }
