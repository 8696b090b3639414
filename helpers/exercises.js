// Exercises on a page with no kernel: what `exercises.py` does in a notebook, with values it computed before.

const CONSTANTS = { pi: Math.PI, e: Math.E };
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
// Abramowitz and Stegun's series 7.1.6; beyond 6 the value rounds to 1.
function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) sum += term *= (2 * x * x) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
const one = (f) => ({ f, least: 1, most: 1 });
const FUNCTIONS = {
  ...Object.fromEntries(
    ["exp", "log", "sqrt", "abs", "sign", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh"].map((name) => [
      name,
      one(Math[name]),
    ]),
  ),
  ln: one(Math.log),
  erf: one(erf),
  sigmoid: one(sigmoid),
  relu: one((x) => Math.max(0, x)),
  softplus: one((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  max: { f: Math.max, least: 2, most: 5 },
  min: { f: Math.min, least: 2, most: 5 },
};
const NOTATION = {
  "**": "^", "−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/", "²": "^2", "³": "^3",
  σ: "sigmoid", α: "alpha", β: "beta", γ: "gamma", δ: "delta", μ: "mu", π: "pi",
};

class Unreadable extends Error {}

// Reads a typed answer into nested lists of functions of the names' values; nothing is evaluated as a program.
function read(text, names) {
  if (!text.trim()) throw new Unreadable("Nothing is typed yet.");
  if (text.length > 300) throw new Unreadable(`That is ${text.length} characters; at most 300 are read.`);
  const plain = text.replace(/\*\*|[−–×·⋅÷²³σαβγδμπ]/g, (sign) => NOTATION[sign]);
  const token = /\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([\p{L}_][\p{L}\p{N}_]*)|([-+*/^()[\],]))/uy;
  const tokens = [];
  let position = 0;
  while (position < plain.trimEnd().length) {
    token.lastIndex = position;
    const found = token.exec(plain);
    if (!found) throw new Unreadable("Only arithmetic, the names and the functions below are allowed.");
    tokens.push({ number: found[1], name: found[2], sign: found[3] });
    position = token.lastIndex;
  }
  let next = 0;
  const sees = (...signs) => signs.includes(tokens[next]?.sign);
  const incomplete = () => {
    const product = /\d\s*[\p{L}_]|[\p{L}\p{N}_)]\s+[\p{L}\p{N}_]|\)\s*[\p{L}\p{N}_]/u.test(text);
    const hint = product ? " Write every product with `*`, as in `2*x`." : "";
    return new Unreadable(`It is not a complete formula.${hint}`);
  };
  const missingSign = () => new Unreadable("Write every product with `*`, as in `2*(1 + x)`.");
  const take = (sign) => {
    if (!sees(sign)) throw incomplete();
    next += 1;
  };
  const number = (value) => {
    if (Array.isArray(value)) throw new Unreadable("A list stands where a number belongs.");
    return value;
  };
  const listed = (end) => {
    const items = [];
    while (!sees(end)) {
      items.push(sum());
      if (!sees(end)) take(",");
    }
    take(end);
    return items;
  };
  function atom() {
    const { number: digits, name } = tokens[next] ?? {};
    if (digits !== undefined) {
      next += 1;
      if (!Number.isFinite(+digits)) throw new Unreadable("A number in it is too large.");
      if (sees("(")) throw missingSign();
      return () => +digits;
    }
    if (name !== undefined) {
      next += 1;
      const known = Object.hasOwn(FUNCTIONS, name) && !names.includes(name);
      if (sees("(")) {
        if (names.includes(name) || Object.hasOwn(CONSTANTS, name))
          throw new Unreadable(`\`${name}\` is not a function; write a product as \`${name}*(…)\`.`);
        if (!known) throw new Unreadable(`\`${name}\` is not a function this exercise knows.`);
        next += 1;
        const inner = listed(")").map(number);
        const { f, least, most } = FUNCTIONS[name];
        if (inner.length < least || inner.length > most)
          throw new Unreadable(`\`${name}\` takes ${least === 1 ? "1 argument" : `${least} arguments`}.`);
        return (at) => f(...inner.map((argument) => argument(at)));
      }
      if (names.includes(name)) return (at) => at[name];
      if (Object.hasOwn(CONSTANTS, name)) return () => CONSTANTS[name];
      if (known) throw new Unreadable(`\`${name}\` needs an argument, as in \`${name}(…)\`.`);
      if (/^(nan|inf|infinity|oo)$/i.test(name)) throw new Unreadable(`\`${name}\` is not a finite number.`);
      throw new Unreadable(`\`${name}\` is not a name this exercise knows.`);
    }
    if (sees("[")) {
      next += 1;
      return listed("]");
    }
    take("(");
    const items = [sum()];
    while (sees(",")) {
      next += 1;
      if (!sees(")")) items.push(sum());
    }
    take(")");
    if (sees("(")) throw missingSign();
    return items.length > 1 ? items : items[0];
  }
  function power() {
    const base = atom();
    if (!sees("^")) return base;
    next += 1;
    const [below, above] = [number(base), number(signed())];
    return (at) => below(at) ** above(at);
  }
  function signed() {
    if (!sees("+", "-")) return power();
    const minus = sees("-");
    next += 1;
    const operand = number(signed());
    return minus ? (at) => -operand(at) : operand;
  }
  function product() {
    let left = signed();
    while (sees("*", "/")) {
      const divided = sees("/");
      next += 1;
      const [a, b] = [number(left), number(signed())];
      left = divided ? (at) => a(at) / b(at) : (at) => a(at) * b(at);
    }
    return left;
  }
  function sum() {
    let left = product();
    while (sees("+", "-")) {
      const minus = sees("-");
      next += 1;
      const [a, b] = [number(left), number(product())];
      left = minus ? (at) => a(at) - b(at) : (at) => a(at) + b(at);
    }
    return left;
  }
  let items = [sum()];
  while (sees(",")) {
    next += 1;
    if (next < tokens.length) items.push(sum());
    else items = [items];
  }
  if (next < tokens.length) throw incomplete();
  return items.length > 1 ? items : items[0];
}

// The shape of nested lists and their entries in order.
function flattened(nested) {
  const shape = [];
  for (let level = nested; Array.isArray(level); level = level[0]) shape.push(level.length);
  const entries = [];
  const walk = (part, depth) => {
    if (Array.isArray(part) !== depth < shape.length || (depth < shape.length && part.length !== shape[depth]))
      throw new Unreadable("The rows of an array must have the same length.");
    if (depth === shape.length) entries.push(part);
    else part.forEach((item) => walk(item, depth + 1));
  };
  walk(nested, 0);
  if (!entries.length) throw new Unreadable("An array needs at least one entry, and not hundreds.");
  return [shape, entries];
}

function agrees(expected, found, tolerance) {
  if (tolerance !== null)
    return Math.abs(found - expected) <= tolerance * (1 + 1e-9) + 8 * Number.EPSILON * Math.abs(expected);
  return Math.abs(expected - found) <= 1e-6 * Math.max(Math.abs(expected), Math.abs(found)) + 1e-9;
}

// An entry: its expected value at each point, null where it has none. `tolerance` is null for expressions.
function matches(expected, formula, { points, tolerance }) {
  let compared = 0;
  for (const [i, point] of points.entries()) {
    const found = formula(point);
    if (expected[i] === null || Math.abs(found) === Infinity) continue;
    if (Number.isNaN(found) || !agrees(expected[i], found, tolerance)) return false;
    compared += 1;
  }
  return compared > 0;
}

function misshapen(shape, { shape: asked, kind }) {
  const many = shape.length === 1 ? `a list of ${shape[0]}` : `a ${shape.join(" × ")} array`;
  const decimals = String(shape) === "2" && !asked.length ? " Write decimals with a point." : "";
  return new Unreadable(`That is ${shape.length ? many : "a single value"}, but the answer is ${kind}.${decimals}`);
}

export function mark(text, data) {
  const typed = text.trim().replaceAll("`", "'");
  const shown = typed.length <= 60 ? typed : `${typed.slice(0, 57)}…`;
  try {
    const [shape, entries] = flattened(read(text, data.names));
    if (String(shape) !== String(data.shape)) throw misshapen(shape, data);
    if (data.tolerance !== null && entries.some((entry) => !Number.isFinite(entry(data.points[0]))))
      throw new Unreadable("It has no finite real value.");
    const all = (expected) => expected.every((values, i) => matches(values, entries[i], data));
    if (all(data.answer)) return { right: true, message: `Right. ${data.because}`.trim() };
    const wrong = data.misconceptions.find(({ values }) => values !== null && all(values));
    const name = wrong && `: ${wrong.name}.`.replace("..", ".");
    return { right: false, message: `Not yet. You typed \`${shown}\`${name ?? ", which is not the answer. Try again."}` };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { right: false, message: `${shown && `You typed \`${shown}\`. `}${error.message} ${data.allowed}` };
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
