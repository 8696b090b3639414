// Exercises on a page with no kernel: what `reading.py` and `exercises.py` do in a notebook. The patterns and
// limits come from there, with the values of the answers.

const ULP = Number.EPSILON;
const CONSTANTS = { pi: Math.PI, e: Math.E };

// Abramowitz and Stegun's series 7.1.6; beyond 6 the value rounds to 1.
function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) sum += term *= (2 * x * x) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

// Lambert's W on its principal branch, by Newton's iteration on w + log(w) or, nearer to 0, Halley's on w exp(w).
function lambert(x) {
  if (x < -1 / Math.E) return NaN;
  let w = x > Math.E ? Math.log(x) : Math.sqrt(2 * (1 + Math.E * x)) - 1;
  for (let step = 0; step < 40; step++) {
    if (x > Math.E) w -= ((w + Math.log(w) - Math.log(x)) * w) / (1 + w);
    else {
      const error = w * Math.exp(w) - x;
      if (error === 0 || w <= -1) break;
      w -= error / (Math.exp(w) * (w + 1) - ((w + 2) * error) / (2 * w + 2));
    }
  }
  return w;
}

const SIGNS = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "^": (a, b) => a ** b,
  negative: (a) => -a,
};
const FUNCTIONS = {
  ...Object.fromEntries(
    "exp log log2 log10 sqrt abs sign sin cos tan atan sinh cosh tanh max min".split(" ").map((f) => [f, Math[f]]),
  ),
  erf,
  W: lambert,
  sigmoid: (x) => (x > -700 ? 1 / (1 + Math.exp(-x)) : Math.exp(x)),
  relu: (x) => Math.max(0, x),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
};

class Unreadable extends Error {}
const refuse = (reason) => {
  throw new Unreadable(reason);
};

// What a function makes of values that are known to within an error: its value, and how far that may be off.
// NaN says that it is undefined; an infinite error, that doubles cannot tell.
const LOST = [Infinity, Infinity];
function propagated(f, inner) {
  const values = inner.map(([value]) => value);
  if (values.includes(Infinity)) return LOST;
  const result = f(...values);
  let error = ULP * Math.abs(result) + Number.MIN_VALUE;
  for (const [i, [value, off]] of inner.entries()) {
    if (!off) continue;
    const reach = Math.max(off, 2 * ULP * Math.abs(value));
    const moved = [value - reach, value + reach].map((x) => f(...values.map((other, j) => (j === i ? x : other))));
    if (Number.isNaN(result) && !moved.every(Number.isNaN)) return LOST;
    error += Math.max(...moved.map((other) => Math.abs(other - result)).filter((distance) => distance >= 0), 0);
  }
  return Math.abs(result) === Infinity ? LOST : [result, error];
}

// A part of a formula: `at` gives its value at a point with its error, `value` is its value if it is constant,
// `unit` the unit of the last digit typed. `powers` and `largest` bound what it may cost in a notebook.
function apply(name, grows, f, inner, { notation }) {
  const at = (point) => propagated(f, inner.map((part) => part.at(point)));
  let value = null;
  if (inner.every((part) => part.value !== null)) {
    value = f(...inner.map((part) => part.value));
    if (!Number.isFinite(value)) refuse("It has no finite real value.");
  }
  let powers = Math.max(...inner.map((part) => part.powers));
  if (grows) {
    const exponent = inner[grows - 1];
    powers = Math.max(powers, exponent.powers + 1);
    if (powers > notation.powers) refuse("Too many powers stand inside each other's exponents in it.");
    if (exponent.largest > notation.exponent)
      refuse(`An exponent in it is too large; numbers up to ${notation.exponent} are allowed there.`);
  }
  const largest = Math.max(Math.abs(value ?? 0), ...inner.map((part) => part.largest));
  return { at, value, unit: null, powers, largest };
}

const constant = (value, unit = null) => {
  const error = unit === null || !Number.isInteger(value) ? ULP * Math.abs(value) : 0;
  return { at: () => [value, error], value, unit, powers: 0, largest: Math.abs(value) };
};

function number(text, { notation }) {
  if (text.length > notation.digits) refuse("A number in it has too many digits.");
  if (!Number.isFinite(+text)) refuse("A number in it is too large.");
  const [mantissa, exponent = "0"] = text.toLowerCase().split("e");
  const decimals = (mantissa.split(".")[1] ?? "").length;
  return constant(+text, 10 ** (+exponent - decimals));
}

// ---------------------------------------------------------------------------------------------------------
// Tokens

function rewritten(text, { before, rewritten }) {
  const all = (given, rules) =>
    rules.reduce(
      (text, [pattern, by]) => text.replace(new RegExp(pattern, "gu"), by.replace(/\\([0-9])/g, "$$$1")),
      given,
    );
  return all(all(text, before).normalize("NFKC"), rewritten).replace(/^ +| +$/g, "");
}

function vocabulary({ names, aliases, words, notation }) {
  const others = Object.entries(aliases).filter(([spelling]) => !Object.hasOwn(notation.functions, spelling));
  const spellings = Object.fromEntries([...names.map((name) => [name, name]), ...others]);
  function own(word) {
    if (Object.hasOwn(spellings, word)) return spellings[word];
    const alike = Object.keys(spellings).filter((one) => one.toLowerCase() === word.toLowerCase());
    const meant = new Set(alike.map((one) => spellings[one]));
    return meant.size === 1 ? [...meant][0] : null;
  }
  function meaning(word) {
    const name = own(word);
    if (name !== null) return { kind: "name", text: name };
    for (const spelled of [word, word.toLowerCase()]) {
      const known = Object.hasOwn(notation.aliases, spelled) ? notation.aliases[spelled] : spelled;
      if (Object.hasOwn(notation.functions, known)) return { kind: "function", text: known };
      if (Object.hasOwn(CONSTANTS, known)) return { kind: "constant", text: known };
    }
    return null;
  }
  // A word as a product of the question's names, which a function may end.
  function split(word) {
    if (!word) return [];
    if (word.length > notation.product) return null;
    for (let end = word.length; end > 0; end--) {
      const [head, rest] = [meaning(word.slice(0, end)), word.slice(end)];
      if (head === null || (head.kind === "constant" && head.text === "e" && rest)) continue;
      if (head.kind === "function") {
        if (/^[0-9]+$/.test(rest) && end > 1) return [head, { kind: "number", text: rest }];
        if (rest || end < 2) continue;
      }
      const tail = split(rest);
      if (tail) return [head, ...tail];
    }
    return null;
  }
  const beside = new Set([...notation.fillers, ...words]);
  return (word) => {
    const known = meaning(word);
    if (known) return [known];
    return beside.has(word.toLowerCase()) ? [] : (split(word) ?? [{ kind: "unknown", text: word }]);
  };
}

function tokenized(text, meanings) {
  const pattern =
    /( *)(?:((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|([A-Za-z_][A-Za-z0-9_]*)|([-+*/^()[\],;√|%°]))/uy;
  const tokens = [];
  for (let position = 0; position < text.length; position = pattern.lastIndex) {
    pattern.lastIndex = position;
    const found = pattern.exec(text);
    if (!found) {
      const [sign] = text.slice(position).replace(/^ +/, "");
      if (sign === "=") refuse("Type the answer alone, without a sign of equality.");
      refuse(`The sign \`${quoted(sign)}\` cannot be read here.`);
    }
    const [, spaces, digits, word, sign] = found;
    const meant = digits
      ? [{ kind: "number", text: digits }]
      : word
        ? meanings(word)
        : [{ kind: "sign", text: sign }];
    const spaced = Boolean(spaces && tokens.length);
    tokens.push(...meant.map((token, i) => ({ ...token, spaced: spaced && i === 0, joined: i > 0 })));
  }
  return tokens;
}

const starts = ({ kind, text }) => kind !== "sign" || "([√".includes(text);
const ends = ({ kind, text }) => kind !== "sign" || ")]%°".includes(text);

// Commas where spaces part the entries of a list, as in [2 -1 0].
function separated(tokens) {
  const result = [];
  let depth = 0;
  for (const [i, token] of tokens.entries()) {
    const after = tokens[i + 1];
    const minus = "+-".includes(token.text) && after && !after.spaced;
    if (depth === 0 && token.spaced && result.length && ends(result.at(-1)) && (starts(token) || minus))
      result.push({ kind: "sign", text: "," });
    depth += (token.text === "(") - (token.text === ")");
    result.push(token);
  }
  return result;
}

// ---------------------------------------------------------------------------------------------------------
// The grammar, by recursive descent

function parsed(tokens, data) {
  const { functions, parts } = data.notation;
  let next = 0, depth = 0, calls = 0, bars = 0, bare = 0;
  const sees = (...signs) => tokens[next]?.kind === "sign" && signs.includes(tokens[next].text);
  const single = (entry) => (Array.isArray(entry) ? refuse("A list stands where a number belongs.") : entry);
  const combine = (sign, ...inner) => apply(sign, sign === "^" ? 2 : 0, SIGNS[sign], inner.map(single), data);
  const twoWays = (what, example) =>
    refuse(`It can be read in two ways; put ${what} in brackets, as in \`${example}\`.`);
  const deeper = () => {
    if (++depth > parts) refuse("Too many of its parts stand inside each other.");
  };
  function incomplete() {
    const token = tokens[next];
    if (!token) refuse("It is not complete: something is missing at the end.");
    if (token.kind === "number" && next > 0 && ends(tokens[next - 1]))
      refuse(`A sign is missing before \`${token.text}\`.`);
    refuse(`\`${token.text}\` does not belong where it stands.`);
  }
  const take = (...signs) => {
    if (!sees(...signs)) incomplete();
    next += 1;
  };
  // Entries up to the closing bracket; a semicolon beside commas ends a row.
  function listed(closing) {
    deeper();
    let rows = [[]];
    const separators = new Set();
    while (closing ? !sees(closing) : next < tokens.length) {
      rows.at(-1).push(sum());
      if (!sees(",", ";")) break;
      separators.add(tokens[next].text);
      if (sees(";")) rows.push([]);
      next += 1;
    }
    depth -= 1;
    rows = rows.filter((row) => row.length);
    if (separators.size === 2) return rows;
    const entries = rows.flat();
    return entries.length === 1 && !separators.size && closing !== "]" ? entries[0] : entries;
  }
  function sum() {
    let left = product();
    while (sees("+", "-")) {
      const sign = tokens[next++].text;
      left = combine(sign, left, product());
    }
    return left;
  }
  const implied = (token) =>
    token && token.kind !== "number" && token.text !== "[" && (starts(token) || (token.text === "|" && !bars));
  function product() {
    let left = signed();
    let divided = false;
    for (;;) {
      if (sees("*", "/")) {
        const sign = tokens[next++].text;
        divided = sign === "/";
        left = combine(sign, left, signed());
      } else if (implied(tokens[next])) {
        if (divided) twoWays("what follows `/`", "1/(2*x)");
        left = combine("*", left, power());
      } else return left;
    }
  }
  function signed() {
    if (!sees("+", "-")) return power();
    let minus = false;
    while (sees("+", "-")) if (tokens[next++].text === "-") minus = !minus;
    const operand = single(power());
    return minus ? { ...combine("negative", operand), unit: operand.unit } : operand;
  }
  function power() {
    deeper();
    let base = scaled(atom());
    if (sees("^")) {
      next += 1;
      base = combine("^", base, exponent());
    }
    depth -= 1;
    return base;
  }
  function exponent() {
    const first = tokens[sees("+", "-") ? next + 1 : next];
    let result = single(signed());
    while (tokens[next]?.joined) result = combine("*", result, power());
    const after = tokens[next];
    if (first && first.kind !== "sign" && after && !after.spaced) {
      const opens = after.text === "(" && first.kind !== "number";
      if (opens || (after.kind !== "sign" && after.kind !== "number")) twoWays("the exponent", "e^(2*x)");
    }
    return result;
  }
  function scaled(given) {
    let term = given;
    while (sees("%", "°")) {
      const percent = tokens[next++].text === "%";
      term = single(term);
      const unit = term.unit && term.unit / 100;
      if (percent) term = { ...combine("/", term, number("100", data)), unit };
      else if (calls) term = combine("*", term, combine("/", constant(Math.PI), number("180", data)));
    }
    return term;
  }
  function atom() {
    const token = tokens[next] ?? incomplete();
    if (token.kind === "unknown") unknown(token.text);
    if (token.kind === "sign") return bracket();
    next += 1;
    if (token.kind === "number") return number(token.text, data);
    if (token.kind === "function") return call(token.text);
    if (token.kind === "constant") return constant(CONSTANTS[token.text]);
    return named(token.text);
  }
  function named(name) {
    const off = Object.hasOwn(data.shorthand, name) ? ULP : 0;
    const at = ({ [name]: x }) => (x === null ? LOST : [x, off * Math.abs(x)]);
    return { at, value: null, unit: null, powers: 0, largest: 0 };
  }
  function unknown(word) {
    if (/^(nan|inf|infinity|oo)$/i.test(word)) refuse(`\`${quoted(word)}\` is not a finite number.`);
    const what = tokens[next + 1]?.text === "(" ? "function" : "name";
    refuse(`\`${quoted(word)}\` is not a ${what} this exercise knows.`);
  }
  const called = (name, inner) => apply(name, functions[name][2], FUNCTIONS[name], inner.map(single), data);
  function bracket() {
    if (sees("√")) {
      next += 1;
      deeper();
      const inner = single(atom());
      depth -= 1;
      return called("sqrt", [inner]);
    }
    if (sees("|")) {
      next += 1;
      bars += 1;
      deeper();
      const inner = single(sum());
      depth -= 1;
      take("|");
      bars -= 1;
      return called("abs", [inner]);
    }
    const closing = sees("[") ? "]" : ")";
    take("(", "[");
    const outer = bars;
    bars = 0;
    const items = listed(closing);
    bars = outer;
    take(closing);
    if (closing === ")" && items.length === 0) refuse("There is nothing inside a pair of brackets.");
    return items;
  }
  const raised = (term, exponent) => (exponent === null ? term : combine("^", term, exponent));
  function call(given) {
    let name = given, power = null;
    if (sees("^")) {
      next += 1;
      power = single(atom());
    }
    calls += 1;
    const before = bare;
    let inner = argumentsOf(name);
    calls -= 1;
    // σ(1 - σ), where σ stands for a value.
    if (Object.hasOwn(data.aliases, name) && (inner === null || bare > before)) {
      bare += 1;
      const value = raised(named(data.aliases[name]), power);
      return inner === null ? value : combine("*", value, inner[0]);
    }
    if (inner === null && /^log(2|10)$/.test(name)) [name, inner] = ["log", [number(name.slice(3), data)]];
    if (inner === null) refuse(`\`${name}\` needs an argument, as in \`${name}(…)\`.`);
    const [least, most] = functions[name];
    if (inner.length < least || inner.length > most)
      refuse(`\`${name}\` takes ${least === 1 ? "1 argument" : `${least} arguments`}.`);
    if (name === "W" && single(inner[0]).value === null) refuse("`W` is read of numbers only.");
    return raised(called(name, inner), power);
  }
  function argumentsOf(name) {
    if (sees("(")) {
      next += 1;
      const items = listed(")");
      take(")");
      return Array.isArray(items) ? items : [items];
    }
    if (!["number", "name", "constant"].includes(tokens[next]?.kind) && !sees("√")) return null;
    let argument = single(power());
    while (["name", "constant"].includes(tokens[next]?.kind) && !tokens[next].spaced)
      argument = combine("*", argument, power());
    if (sees("(")) twoWays("the argument", `${name}(2*x)`);
    return [argument];
  }
  const items = listed("");
  return next < tokens.length ? incomplete() : items;
}

// The shape of nested lists and their entries in order.
function flattened(nested) {
  const shape = [];
  for (let level = nested; Array.isArray(level); level = level[0]) shape.push(level.length);
  const entries = [];
  const walk = (part, depth) => {
    if (Array.isArray(part) !== depth < shape.length || (depth < shape.length && part.length !== shape[depth]))
      refuse("The rows of an array must have the same length.");
    if (depth === shape.length) entries.push(part);
    else part.forEach((item) => walk(item, depth + 1));
  };
  walk(nested, 0);
  if (!entries.length) refuse("An array needs at least one entry.");
  return [shape, entries];
}

// The text with its commas, or other signs between thousands, taken for what they may be instead.
function commas(text, shape) {
  const thousands = !shape.length && /^[-+]?[1-9][0-9]{0,2}([, '][0-9]{3})+(\.[0-9]+)?$/.test(text);
  let decimal = null;
  if (!text.includes(".") && !/[0-9],[0-9]+,[0-9]/.test(text)) decimal = text.replace(/(?<=[0-9]),(?=[0-9])/g, ".");
  if (decimal === text) decimal = null;
  const grouped = thousands ? text.replace(/[, ']/g, "") : null;
  if (decimal && grouped) refuse(`It can be read as ${decimal} or as ${grouped}; type the number without a comma.`);
  return [decimal, grouped].filter(Boolean);
}

function read(typed, data) {
  // Python counts characters, JavaScript's `length` counts halves of some.
  const length = [...typed].length;
  const { longest } = data.notation;
  if (length > longest) refuse(`That is ${length} characters; at most ${longest} are read.`);
  const text = rewritten(typed, data.notation);
  if (!text) refuse("Nothing is typed yet.");
  const meanings = vocabulary(data);
  let misfit = null, reason = null;
  for (const candidate of [text, ...commas(text, data.shape)])
    for (const spaces of data.shape.length ? [false, true] : [false])
      try {
        const tokens = tokenized(candidate, meanings);
        if (tokens.length > longest) refuse("It is too long.");
        const [shape, entries] = flattened(parsed(spaces ? separated(tokens) : tokens, data));
        const size = data.shape.reduce((product, extent) => product * extent, 1);
        const listed = shape.length <= 1 || shape.includes(1);
        if (String(shape) === String(data.shape) || (entries.length === size && listed)) return entries;
        misfit ??= shape;
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        reason ??= error;
      }
  if (misfit === null) throw reason;
  const what = misfit.length === 1 ? `a list of ${misfit[0]}` : `a ${misfit.join(" × ")} array`;
  refuse(`That is ${misfit.length ? what : "a single value"}, but the answer is ${data.kind}.`);
}

// ---------------------------------------------------------------------------------------------------------
// Marking

const within = (found, expected, tolerance) =>
  Math.abs(found - expected) <= tolerance * (1 + 1e-9) + 8 * ULP * Math.abs(expected);

const differs = (found, expected, error) =>
  Math.abs(found - expected) > 4 * (error + ULP * Math.abs(expected) + Number.MIN_VALUE);

// Whether a formula has the expected values, null where there are none, as exactly as doubles can tell.
function matches(expected, { at, value }, { points, tolerance }) {
  if (value !== null && tolerance !== null && points.length === 1) return within(value, expected[0], tolerance);
  let compared = 0;
  for (const [i, point] of points.entries()) {
    const [found, error] = value === null ? at(point) : [value, 8 * ULP * Math.abs(value)];
    if (expected[i] === null || error === Infinity) continue;
    if (Number.isNaN(found)) return false;
    if (tolerance === null ? differs(found, expected[i], error) : !within(found, expected[i], tolerance)) return false;
    // Where most digits are lost, nothing is learned.
    if (error <= 1e-6 * Math.abs(expected[i]) || error < 1e-12) compared += 1;
  }
  if (compared < Math.min(4, points.length)) refuse("It has no real value at enough points to be compared.");
  return true;
}

// How many digits were typed of a decimal, and whether they are those of an exact value, rounded or cut off.
const digitsOf = ({ value, unit }) =>
  unit && value ? Math.floor(Math.log10(Math.abs(value) / unit) + 1e-9) + 1 : 0;
function rounds(term, exact) {
  const error = Math.abs(term.value - exact) / term.unit;
  return digitsOf(term) > 0 && (error <= 0.5 + 1e-6 || (error < 1 && Math.abs(term.value) < Math.abs(exact)));
}
function digitsRight(typed, exact, longest) {
  let least = longest;
  for (const [i, term] of typed.entries()) {
    if (within(term.value, exact[i], 0)) continue;
    if (Number.isInteger(exact[i]) || !rounds(term, exact[i])) return 0;
    least = Math.min(least, digitsOf(term));
  }
  return least;
}
const near = (typed, exact) =>
  typed.every(
    ({ value }, i) =>
      Math.abs(value - exact[i]) <= 0.01 * Math.abs(exact[i]) &&
      (value === exact[i] || !(Number.isInteger(value) && Number.isInteger(exact[i]))),
  );

// What can be said of numbers that equal no known answer, but may be one in decimals.
function inDecimals(typed, data) {
  if (data.tolerance === null || typed.some(({ value }) => value === null)) return null;
  const longest = data.notation.digits;
  const exact = data.answer.map(([value]) => value);
  const digits = digitsRight(typed, exact, longest);
  if (digits > 2) return { right: true, message: `Right to ${digits} digits. ${data.because}` };
  if (digits === 2)
    return { right: false, message: "It is right to 2 digits: type it exactly, or to three digits or more." };
  const wrong = data.misconceptions.filter(({ values }) => values.every((value) => new Set(value).size === 1));
  const meant = (test) => {
    const found = wrong.filter(({ values }) => test(typed, values.map(([value]) => value)));
    return found.length === 1 ? { right: false, message: sentence(found[0].name) } : null;
  };
  const rounded = meant((typed, values) => digitsRight(typed, values, longest) > 1);
  if (rounded) return rounded;
  if (near(typed, exact))
    return { right: false, message: "It is within 1% of the answer, but not right to the digits typed." };
  return meant(near);
}

const sentence = (text) => (/[.?!…]$/.test(text) ? text : `${text}.`);

function judged(typed, data) {
  const all = (expected) => expected.every((values, i) => matches(values, typed[i], data));
  if (all(data.answer)) return { right: true, message: `Right. ${data.because}` };
  const wrong = data.misconceptions.find(({ values }) => {
    try {
      return all(values);
    } catch (error) {
      if (error instanceof Unreadable) return false;
      throw error;
    }
  });
  if (wrong) return { right: false, message: sentence(wrong.name) };
  return inDecimals(typed, data) ?? { right: false, message: data.hint || "That is not the answer. Try again." };
}

function quoted(typed) {
  const spaced = typed.replaceAll("`", "'").replace(/[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff]+/g, " ");
  const text = [...spaced.replace(/^ +| +$/g, "")];
  return text.length <= 60 ? text.join("") : `${text.slice(0, 57).join("")}…`;
}

export function mark(text, given) {
  const points = given.points.map((point, i) => ({
    ...point,
    ...Object.fromEntries(Object.entries(given.shorthand).map(([name, values]) => [name, values[i]])),
  }));
  const data = { ...given, points };
  const shown = quoted(text);
  const typed = shown && `You typed \`${shown}\`. `;
  try {
    const { right, message } = judged(read(text, data), data);
    return { right, message: right ? message.trim() : `Not yet. ${typed}${message}` };
  } catch (error) {
    if (error instanceof Unreadable) return { right: false, message: `${typed}${error.message} ${data.allowed}` };
    console.error(error);
    const rest = "It could not be compared with the answer; write it in a simpler way.";
    return { right: false, message: `${typed}${rest}` };
  }
}

function say(root, right, html) {
  const place = root.querySelector("[data-feedback]");
  place.dataset.right = right;
  place.style.borderLeft = `4px solid ${right ? "#029E73" : "#DE8F05"}`;
  place.style.padding = "0.4em 1em";
  place.innerHTML = `<strong>${right ? "✓" : "✗"}</strong> ${html}`;
  // The page's own typesetter, where there is one.
  globalThis.typeset?.(place);
}

function escaped(text) {
  const element = document.createElement("span");
  element.textContent = text;
  return element.innerHTML.replace(/`([^`]*)`/g, "<code>$1</code>");
}

export function mountPrediction(root, feedback) {
  const button = root.querySelector("button");
  button.addEventListener("click", () => {
    const chosen = root.querySelector("input:checked");
    if (!chosen) return say(root, false, "Nothing is chosen yet. Choose an option, then commit.");
    for (const input of root.querySelectorAll("input, button")) input.disabled = true;
    button.textContent = "Committed";
    const { right, html } = feedback[chosen.value];
    say(root, right, html);
  });
}

export function mountCheck(root, data) {
  const form = root.querySelector("form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { right, message } = mark(form.querySelector("input").value, data);
    say(root, right, escaped(message));
  });
}
