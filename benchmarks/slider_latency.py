"""Measure how fast sliders answer in a real JupyterLab and Chromium: `make bench`.

Two designs show the same figure: `helpers.explorer.explore`, and `interact` that plots anew at each move.
Both are measured directly and through a proxy that adds a round trip of 100 ms.

At every animation frame the page reads the clock, then hashes every fourth pixel of every fourth row of the
output's picture, ``<canvas>`` or ``<img>`` alike (all of them would take the page several ms a frame). No
picture, one not decoded, one less than half as high as before, or one of a single color counts as blank. The
browser then renders the frame, which takes a few ms more for either design and is not counted.

- *key press*: from the ``keydown`` event's time stamp to the first animation frame that finds other pixels,
  not blank. Presses wait until the picture has been still for 0.1 s, then for a random part of a frame: at
  60 Hz the next frame alone is 8 ms away on average, and 16 ms one time in twenty.
- *drag*: a mouse held down sweeps the slider's 61 positions to and fro for 3 s, one way in 0.8 s, with a
  move every 8 ms. Frames per second count the pictures that differ from the one before.
- *first picture*: from Run All, in a fresh kernel and a browser with an empty cache, to the first frame with
  pixels. Imports are part of it.
- *fill*: what the kernel reports to have spent on the positions of the slider that it recorded ahead.

Explorers are pressed and dragged once that has happened. In the pair the second slider is moved first, so
that the axis in use is another than the one filled at the start. The figure is the same to the letter, and
constrained layout, which would cost `interact` a second layout at each move, is off.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import nbformat
import numpy as np
from playwright.async_api import Browser, Page, WebSocket, async_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.reporting import Target, code_line, report_text, save, table, versions  # noqa: E402
from tests.browser.conftest import FLAGS, find_chromium, serve  # noqa: E402

MEASURED = ("helpers/explorer.py", "helpers/explorer.js", "helpers/recorder.py", "helpers/changes.py")
ROUND_TRIP = 0.1
SWEEP_SECONDS = 0.8
MOVE_SECONDS = 0.008
QUIET_SECONDS = 0.5
POSITIONS = 61

FIGURE = """\
import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatSlider, interact

from helpers.drawing import SLOPE, VALUE, DATA, panels
from helpers.explorer import explore

plt.style.use("helpers.house")
plt.rcParams["figure.constrained_layout.use"] = False
x = np.linspace(-4, 4, 241)


def numbers(k, at):
    y, height = np.tanh(k * x), np.tanh(k * at)
    slope_here = k * (1 - height**2)
    return y, k * (1 - y**2), height, height + slope_here * (x - at), slope_here


def draw(left, right, k, at):
    y, slope, height, tangent, slope_here = numbers(k, at)
    left.set(xlim=(-4, 4), ylim=(-1.3, 1.3), title="value", xlabel="x")
    right.set(xlim=(-4, 4), ylim=(0, 3.2), title="slope", xlabel="x")
    (curve,) = left.plot(x, y, color=VALUE)
    (line,) = left.plot(x, tangent, "--", color=SLOPE)
    (point,) = left.plot([at], [height], "o", color=DATA)
    (slopes,) = right.plot(x, slope, color=SLOPE)
    (mark,) = right.plot([at], [slope_here], "o", color=DATA)
    area = right.fill_between(x, 0, slope, color=SLOPE, alpha=0.3)
    return curve, line, point, slopes, mark, area
"""

REPLOT = """\
def replot(k):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4))
    draw(left, right, k, at=0.6)
    plt.show()


interact(replot, k=FloatSlider(value=1.5, min=0, max=3, step=0.05));
"""

EXPLORE = """\
figure, (left, right) = panels("", "")
curve, line, point, slopes, mark, area = draw(left, right, 1.5, 0.5)


def update(k, at=0.6):
    y, slope, height, tangent, slope_here = numbers(k, at)
    curve.set_ydata(y)
    line.set_ydata(tangent)
    point.set_data([at], [height])
    slopes.set_ydata(slope)
    mark.set_data([at], [slope_here])
    area.set_data(x, 0, slope)
    return f"At x = {at:.1f} the slope is {slope_here:.2f}."


"""
ONE = "explore(figure, lambda k: update(k), k=FloatSlider(value=1.5, min=0, max=3, step=0.05))"
PAIR = (
    "explore(figure, update, k=FloatSlider(value=1.5, min=0, max=3, step=0.05), "
    "at=FloatSlider(value=0.6, min=-2, max=2, step=0.2))"
)

INTERACT, EXPLORER, PAIRED = "interact", "explore", "explore, two sliders"
CELLS = {INTERACT: REPLOT, EXPLORER: EXPLORE + ONE, PAIRED: EXPLORE + PAIR}
"""The last cell of the notebook of each design."""

PROBE = """
(() => {
  const scratch = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const images = new WeakMap(); // the pixels of an <img> change only with its source
  let tallest = 0;

  const find = () => document.querySelector(".jp-Notebook .jp-OutputArea :is(canvas, img)");

  // A hash of every fourth pixel of every fourth row, or null where they are all alike.
  function hash(picture, fullWidth, fullHeight) {
    const [width, height] = [fullWidth >> 2, fullHeight >> 2];
    if (scratch.canvas.width !== width || scratch.canvas.height !== height)
      Object.assign(scratch.canvas, { width, height });
    scratch.imageSmoothingEnabled = false;
    scratch.globalCompositeOperation = "copy";
    scratch.drawImage(picture, 0, 0, width, height);
    const pixels = new Uint32Array(scratch.getImageData(0, 0, width, height).data.buffer);
    let [sum, plain] = [2166136261, true];
    for (let i = 0; i < pixels.length; i++) {
      sum = Math.imul(sum ^ pixels[i], 16777619);
      plain = plain && pixels[i] === pixels[0];
    }
    return plain ? null : sum;
  }

  function seen() {
    const picture = find();
    if (!picture) return null;
    const height = picture.getBoundingClientRect().height;
    tallest = Math.max(tallest, height);
    if (height < 1 || height < tallest / 2) return null;
    if (picture instanceof HTMLCanvasElement) return hash(picture, picture.width, picture.height);
    if (!picture.complete || !picture.naturalWidth) return null;
    let known = images.get(picture);
    if (known?.source !== picture.src) {
      known = { source: picture.src, sum: hash(picture, picture.naturalWidth, picture.naturalHeight) };
      images.set(picture, known);
    }
    return known.sum;
  }

  const probe = { changed: 0, picture: null, frames: null };
  const look = () => {
    const now = performance.now();
    const picture = seen();
    if (picture !== probe.picture) probe.changed = now;
    probe.picture = picture;
    probe.frames?.push([now, picture]);
    if (picture !== null && probe.pressed !== undefined && picture !== probe.before) {
      probe.answer(now - probe.pressed);
      probe.pressed = undefined;
    }
  };
  (function frame() {
    requestAnimationFrame(frame);
    look();
  })();
  window.addEventListener("keydown", (event) => {
    if (probe.answer) [probe.pressed, probe.before] = [event.timeStamp, probe.picture];
  }, true);

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  probe.expect = () => { probe.answered = new Promise((done) => { probe.answer = done; }); };
  probe.latency = () => Promise.race([probe.answered, pause(5000).then(() => null)]);
  probe.still = async (ms) => {
    while (performance.now() - probe.changed < ms) await pause(5);
  };
  probe.runAll = async () => {
    const start = performance.now();
    probe.before = null;
    probe.expect();
    probe.pressed = start;
    void jupyterapp.commands.execute("notebook:run-all-cells");
    return Promise.race([probe.answered, pause(60000).then(() => null)]);
  };
  probe.inView = () => {
    const { top, bottom } = find().getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  };
  window.probe = probe;
})();
"""


@dataclass
class Plan:
    """How much to measure."""

    presses: int = 100
    drag_seconds: float = 3.0
    repeats: int = 5


@dataclass
class Row:
    """What was measured of one design over one network; None where it does not apply."""

    network: str
    design: str
    median_ms: float
    p95_ms: float
    fps: float
    blank_frames: int
    first_picture_s: float
    fill_s: float | None = None


@dataclass
class Opened:
    """A notebook in JupyterLab whose kernel is ready, and what came over its WebSockets."""

    page: Page
    heard: float = 0.0
    fills: list[tuple[int, float]] = field(default_factory=list)

    def listen(self, socket: WebSocket) -> None:
        """Note when the kernel speaks and what it says it spent on records."""
        socket.on("framereceived", self._hear)

    def _hear(self, payload: str | bytes) -> None:
        self.heard = time.monotonic()
        data = payload.encode() if isinstance(payload, str) else payload
        if match := re.search(rb'"seconds": ?([0-9.e-]+)', data):
            self.fills.append((len(re.findall(rb'"runs":', data)), float(match[1])))

    async def quiet(self) -> None:
        """Wait until the kernel has said nothing for a while."""
        while time.monotonic() - self.heard < QUIET_SECONDS:
            await asyncio.sleep(0.05)


def write_notebook(path: Path, last_cell: str) -> None:
    """Write the notebook of one design, without outputs."""
    # With its source shown the picture would be below the window's edge.
    folded = {"jupyter": {"source_hidden": True}}
    cells = [nbformat.v4.new_code_cell(source.strip(), metadata=folded) for source in (FIGURE, last_cell)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass bytes on `delay` seconds after they came, however many are under way."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, chunk = await under_way.get()
            await asyncio.sleep(due - loop.time())
            if not chunk:
                writer.close()
                return
            writer.write(chunk)
            await writer.drain()

    delivery = asyncio.create_task(deliver())
    try:
        chunk = b"begin"
        while chunk:
            chunk = await reader.read(1 << 16)
            under_way.put_nowait((loop.time() + delay, chunk))
        await delivery
    except (ConnectionError, asyncio.CancelledError):
        delivery.cancel()
        writer.close()


@asynccontextmanager
async def slow_proxy(target: int, round_trip: float) -> AsyncIterator[int]:
    """Listen on a port that leads to `target` with a longer round trip, also to connect.

    Parameters
    ----------
    target : int
        Port on this machine.
    round_trip : float
        Seconds, half of it in each direction. Bandwidth is not limited.

    Yields
    ------
    int
        The port to use instead.
    """

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError, ConnectionError):
            await asyncio.sleep(round_trip)
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
            there = carry(reader, far_writer, round_trip / 2)
            await asyncio.gather(there, carry(far_reader, writer, round_trip / 2))

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def opened(browser: Browser, url: str, notebook: str) -> AsyncIterator[Opened]:
    """Open a notebook in a browser with an empty cache and wait for its fresh kernel."""
    context = await browser.new_context(viewport={"width": 1400, "height": 1000})
    page = await context.new_page()
    page.set_default_timeout(60_000)
    lab = Opened(page)
    page.on("websocket", lab.listen)
    await page.goto(f"{url}/lab/tree/{notebook}?reset")
    await page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    await lab.quiet()
    await page.evaluate(PROBE)
    yield lab
    await page.evaluate("jupyterapp.serviceManager.sessions.shutdownAll()")
    await context.close()


async def first_picture(lab: Opened) -> float:
    """Run all cells and return the seconds until there is a picture."""
    milliseconds = await lab.page.evaluate("probe.runAll()")
    if milliseconds is None:
        text = await lab.page.locator(".jp-Notebook").inner_text()
        raise RuntimeError(f"no picture within 60 s of Run All; the notebook shows:\n{text}")
    return milliseconds / 1000


async def press_keys(lab: Opened, presses: int) -> list[float]:
    """Press arrow keys on the first slider, to and fro, and return the milliseconds of each."""
    rng = np.random.default_rng(0)
    handle = lab.page.locator(".jp-Notebook .noUi-handle").first
    await handle.focus()
    latencies = []
    for i in range(presses):
        await lab.page.evaluate("probe.still(100)")
        await asyncio.sleep(rng.uniform(0, 1 / 60))
        await lab.page.evaluate("probe.expect()")
        # From the middle to one end, to the other, and back.
        await lab.page.keyboard.press("ArrowLeft" if (i // (POSITIONS // 2)) % 4 in (1, 2) else "ArrowRight")
        latency = await lab.page.evaluate("probe.latency()")
        if latency is None:
            raise RuntimeError(f"press {i + 1} changed nothing within 5 s")
        latencies.append(latency)
    return latencies


async def drag(lab: Opened, seconds: float) -> list[tuple[float, int | None]]:
    """Drag the first slider to and fro and return each frame's time in ms and picture, None if blank."""
    mouse = lab.page.mouse
    box = await lab.page.locator(".jp-Notebook .noUi-base").first.bounding_box()
    handle = await lab.page.locator(".jp-Notebook .noUi-handle").first.bounding_box()
    assert box, "the slider has no size"
    assert handle, "the slider has no handle"
    y = box["y"] + box["height"] / 2
    await mouse.move(handle["x"] + handle["width"] / 2, y)
    await mouse.down()
    await lab.page.evaluate("probe.frames = []")
    start = time.monotonic()
    moves = set()
    while (elapsed := time.monotonic() - start) < seconds:
        x = box["x"] + box["width"] * sweep(elapsed / SWEEP_SECONDS)
        # Real mice do not wait for the page either.
        move = asyncio.create_task(mouse.move(x, y))
        moves.add(move)
        move.add_done_callback(moves.discard)
        await asyncio.sleep(MOVE_SECONDS)
    frames = await lab.page.evaluate("() => { const f = probe.frames; probe.frames = null; return f; }")
    await asyncio.gather(*moves)
    await mouse.up()
    return [(at, picture) for at, picture in frames]


def sweep(t: float) -> float:
    """Go from 1/2 to 1, to 0 and back, one way in a unit of time."""
    return 1 - abs((t + 0.5) % 2 - 1)


def pictures_per_second(frames: list[tuple[float, int | None]]) -> float:
    """Count the frames whose picture differs from the picture before, blank ones aside."""
    shown = [picture for _, picture in frames if picture is not None]
    changes = sum(now != before for before, now in pairwise(shown))
    return 1000 * changes / (frames[-1][0] - frames[0][0])


async def move_second_slider(lab: Opened) -> None:
    """Move the second slider, then the first, and wait until the kernel has filled the new axis."""
    for number, key in ((1, "ArrowRight"), (1, "ArrowRight"), (0, "ArrowRight"), (0, "ArrowLeft")):
        await lab.page.locator(".jp-Notebook .noUi-handle").nth(number).focus()
        await lab.page.keyboard.press(key)
    await asyncio.sleep(QUIET_SECONDS)
    await lab.quiet()


def axis_seconds(fills: Iterable[tuple[int, float]]) -> float | None:
    """Return the kernel's seconds for an axis of `POSITIONS`, from batches of (records, seconds)."""
    counts, seconds = zip(*fills, strict=True) if fills else ((), ())
    return sum(seconds) / sum(counts) * POSITIONS if sum(counts) else None


async def measure(lab: Opened, row: Row, plan: Plan) -> Row:
    """Press and drag the notebook that is open and has its first picture."""
    await asyncio.sleep(QUIET_SECONDS)
    await lab.quiet()
    if not await lab.page.evaluate("probe.inView()"):
        raise RuntimeError("the picture is not in view, so a browser may not draw it")
    fill = axis_seconds(lab.fills)
    if row.design == PAIRED:
        await move_second_slider(lab)
    latencies = await press_keys(lab, plan.presses)
    await lab.quiet()
    frames = await drag(lab, plan.drag_seconds)
    return replace(
        row,
        median_ms=statistics.median(latencies),
        p95_ms=float(np.percentile(latencies, 95)),
        fps=pictures_per_second(frames),
        blank_frames=sum(picture is None for _, picture in frames),
        fill_s=fill,
    )


async def measure_network(browser: Browser, url: str, network: str, plan: Plan) -> list[Row]:
    """Measure every design over one network, the designs in turn."""
    rows: dict[str, Row] = {}
    waits: dict[str, list[float]] = {design: [] for design in CELLS}
    for repeat in range(plan.repeats):
        last = repeat == plan.repeats - 1
        for number, design in enumerate(CELLS):
            if design == PAIRED and not last:
                continue
            async with opened(browser, url, f"{number}.ipynb") as lab:
                waits[design].append(await first_picture(lab))
                print(f"{network}, {design}: first picture after {waits[design][-1]:.2f} s", flush=True)
                if not last:
                    continue
                blank = Row(network, design, np.nan, np.nan, np.nan, 0, statistics.median(waits[design]))
                rows[design] = row = await measure(lab, blank, plan)
                print(
                    f"{network}, {design}: {row.median_ms:.1f} ms (p95 {row.p95_ms:.1f}), {row.fps:.0f} fps, "
                    f"{row.blank_frames} blank",
                    flush=True,
                )
    return list(rows.values())


async def measure_all(url: str, plan: Plan) -> tuple[list[Row], str]:
    """Measure directly and through the proxy; return the rows and Chromium's version."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        # The first kernel of a new home builds Matplotlib's list of fonts.
        async with opened(browser, url, "0.ipynb") as lab:
            await first_picture(lab)
        rows = await measure_network(browser, url, "direct", plan)
        async with slow_proxy(int(url.rsplit(":", 1)[1]), ROUND_TRIP) as port:
            slow = f"http://127.0.0.1:{port}"
            rows += await measure_network(browser, slow, f"+{1000 * ROUND_TRIP:.0f} ms", plan)
        chromium = browser.version
        await browser.close()
    return rows, chromium


def targets(rows: list[Row]) -> list[Target]:
    """Hold the rows against what the project asks of its sliders.

    Returns
    -------
    list of (str, str, bool)
        The target, what was measured, and whether it is met.
    """
    networks = list(dict.fromkeys(row.network for row in rows))
    near, far = ({row.design: row for row in rows if row.network == network} for network in networks)
    found = []
    for design in (EXPLORER, PAIRED):
        ours, theirs, distant = near[design], near[INTERACT], far[design]
        median, p95 = ours.median_ms / theirs.median_ms, ours.p95_ms / theirs.p95_ms
        slower = distant.median_ms / ours.median_ms
        blank = ours.blank_frames + distant.blank_frames
        found += [
            (f"{design}: median <= 1/10 of interact's", f"1/{1 / median:.1f}", median <= 1 / 10),
            (f"{design}: p95 <= 1/8 of interact's", f"1/{1 / p95:.1f}", p95 <= 1 / 8),
            (f"{design}: drag >= 45 fps", f"{ours.fps:.0f}", ours.fps >= 45),
            (f"{design}: no blank frame on either network", f"{blank}", blank == 0),
            (f"{design}: {networks[1]}, median <= 1.25 x the direct one", f"{slower:.2f} x", slower <= 1.25),
            (f"{design}: {networks[1]}, drag >= 45 fps", f"{distant.fps:.0f}", distant.fps >= 45),
        ]
    for network, designs in zip(networks, (near, far), strict=True):
        ratio = designs[EXPLORER].first_picture_s / designs[INTERACT].first_picture_s
        found.append((f"{network}: first picture <= 1.25 x interact's", f"{ratio:.2f} x", ratio <= 1.25))
    fill = near[EXPLORER].fill_s
    found.append(
        (
            f"{POSITIONS} positions filled in <= 0.5 s of kernel time",
            "none seen" if fill is None else f"{fill:.2f} s",
            fill is not None and fill <= 0.5,
        )
    )
    return found


def report(rows: list[Row], chromium: str, plan: Plan, load: float) -> str:
    """Write what was measured, with what, and which targets it meets."""
    head = ["network", "design", "key press, median ms", "p95 ms", "drag, fps", "blank frames"]
    head += ["first picture, s", f"{POSITIONS} positions, kernel s"]
    measured = table(head, (asdict(row).values() for row in rows))
    how = (
        "# Slider latency\n\n"
        f"`python benchmarks/slider_latency.py`: {plan.presses} key presses, a drag of "
        f"{plan.drag_seconds:g} s,\nfirst picture as the median of {plan.repeats} runs ({PAIRED}: one run)."
    )
    software = f"{versions('jupyterlab', 'ipywidgets', 'anywidget', 'matplotlib')}, Chromium {chromium}"
    return report_text(how, code_line(*MEASURED), software, load, measured, targets(rows))


def main() -> None:
    """Measure, print the report, and save it unless it was a quick one."""
    parser = argparse.ArgumentParser(description="Measure how fast sliders answer in a real browser.")
    parser.add_argument("--quick", action="store_true", help="only see that it works; saves nothing")
    plan = Plan(presses=6, drag_seconds=0.5, repeats=1) if parser.parse_args().quick else Plan()
    if find_chromium() is None:
        raise SystemExit("no Chromium found: on Debian and Ubuntu 'sudo apt-get install chromium'")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        folder, home = Path(scratch, "course"), Path(scratch, "home")
        for place in (folder, home):
            place.mkdir()
        for number, cell in enumerate(CELLS.values()):
            write_notebook(folder / f"{number}.ipynb", cell)
        with serve(folder, home) as jupyter:
            rows, chromium = asyncio.run(measure_all(jupyter.url, plan))
    text = report(rows, chromium, plan, load)
    print(f"\n{text}")
    if plan == Plan():
        save("slider_latency", rows, text)


if __name__ == "__main__":
    main()
