"""What a page says to typed answers: `exercises.js`, run by Node.js without a browser."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from helpers.exercises import Check, Feedback

ROOT = Path(__file__).parents[1]
# The site's own Node.js is installed with the site only.
NODE = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
DRIVER = """
import { readFileSync } from "node:fs";
const { checks, typed } = JSON.parse(readFileSync(0, "utf8"));
let bytes = 0; // maxRSS would count what the process held that started this one
const said = typed.map(([name, text]) => {
  const before = process.cpuUsage();
  const feedback = mark(text, checks[name]);
  const { user, system } = process.cpuUsage(before);
  bytes = Math.max(bytes, process.memoryUsage.rss());
  return [feedback.right, feedback.message, (user + system) / 1e6];
});
console.log(JSON.stringify({ said, bytes }));
"""


def marks_on_page(
    checks: dict[str, Check], typed: Iterable[tuple[str, str]]
) -> tuple[list[tuple[Feedback, float]], int]:
    """Mark texts, each for the check of that name: feedback and CPU seconds of each, and the bytes of all."""
    assert NODE is not None
    script = (ROOT / "helpers/exercises.js").read_text(encoding="utf-8") + DRIVER
    data = {"checks": {name: one._mounted()[1] for name, one in checks.items()}, "typed": list(typed)}
    ran = subprocess.run(
        [NODE, "--input-type=module", "--eval", script],
        input=json.dumps(data),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr, ran.stderr
    result = json.loads(ran.stdout)
    return [(Feedback(right, message), spent) for right, message, spent in result["said"]], result["bytes"]
