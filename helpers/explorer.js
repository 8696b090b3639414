// Replays what helpers/recorder.py records. One script, two faces: `export default` for a live notebook,
// `mountPage` for a page with no kernel.

const UNITS = 20; // recorded units per pixel of a plain screen, as in recorder.py
const KEPT = 64e6; // characters of records to keep
const BATCH_SECONDS = 0.04; // kernel time to ask for at once, so that other work can get in between
const PLAY_MS = 50;
const REST_MS = 400;

const STYLE = `
.explorer-stage { max-width: 100%; margin: 0; }
.explorer-picture { position: relative; background: white; border-radius: 6px; overflow: hidden; }
.explorer-picture canvas { display: block; width: 100%; height: 100%; }
.explorer-error { position: absolute; inset: 0; padding: 1.5em; overflow: auto; background: white; color: #8a1c00;
  font: 14px/1.5 monospace; white-space: pre-wrap; }
.explorer-bar { height: 3px; margin-top: 2px; }
.explorer-bar > div { height: 100%; width: 0; background: #0173b2; }
.explorer-below { display: flex; gap: 0.8em; align-items: flex-start; margin-top: 0.3em; }
.explorer-below button { flex: none; min-width: 4.6em; padding: 0.25em 0.7em; font: inherit; font-size: 13px;
  color: inherit; background: transparent; border: 1px solid currentColor; border-radius: 4px; cursor: pointer; }
.explorer-below button:focus-visible, .explorer-controls :focus-visible { outline: 2px solid #2a8fd0;
  outline-offset: 2px; }
.explorer-caption { flex: 1; min-height: 3em; font-size: 14px; line-height: 1.5;
  color: var(--jp-ui-font-color1, inherit); }
.explorer-below { color: var(--jp-ui-font-color1, inherit); }
.explorer-note { position: absolute; right: 6px; bottom: 4px; padding: 0 0.5em; border-radius: 4px;
  background: #ffffe8; color: #303030; font-size: 12px; line-height: 1.6; }
.explorer-note:empty { display: none; }
.explorer-controls { display: flex; flex-wrap: wrap; gap: 0.4em 1.6em; margin-bottom: 0.5em; }
.explorer-controls label { display: inline-flex; gap: 0.5em; align-items: center; max-width: 100%; font-size: 14px; }
.explorer-controls input[type=range] { flex: 0 1 14rem; min-width: 4rem; }
.explorer-limit { font-size: 13px; flex-basis: 100%; }
.explorer-controls output { min-width: 3.5em; font-variant-numeric: tabular-nums; }
`;

function element(tag, className, parent, attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

function bytes(data) {
  if (typeof data !== "string") return data; // a DataView, from the kernel
  return Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
}

// The kernel sends PNG; a page has WebP, which is smaller but takes longer to make.
function decode(data, options) {
  const type = typeof data === "string" && data.startsWith("UklGR") ? "image/webp" : "image/png";
  return createImageBitmap(new Blob([bytes(data)], { type }), options);
}

// Pictures inside a record are decoded before the record counts as held, so that showing it never waits.
async function prepare(record) {
  for (const run of record.runs ?? [])
    for (const call of run) if (call[0] === "png") call.bitmap ??= await decode(call[2]);
  return record;
}

class Stage {
  constructor(parent, [width, height]) {
    this.width = width;
    this.height = height;
    this.picture = element("div", "explorer-picture", parent);
    this.picture.style.width = `min(100%, ${width}px)`;
    this.picture.style.aspectRatio = `${width} / ${height}`;
    this.canvas = element("canvas", "", this.picture, { role: "img" });
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.canvas.style.visibility = "hidden"; // it is black until it is drawn on
    this.stills = [];
    this.fitted = [];
    this.round = 0;
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.picture);
    // A change of zoom or screen changes the ratio without changing the size.
    this.onZoom = () => this.resize();
    window.addEventListener("resize", this.onZoom);
  }

  close() {
    this.observer.disconnect();
    window.removeEventListener("resize", this.onZoom);
  }

  get ratio() {
    const shown = this.picture.clientWidth || this.width;
    return (shown / this.width) * (window.devicePixelRatio || 1);
  }

  async setStills(stills) {
    this.stills = stills;
    await this.fit();
  }

  // Scale the still pictures to the screen once, not at every frame.
  async fit() {
    const round = ++this.round;
    const ratio = this.ratio;
    const fitted = await Promise.all(
      this.stills.map(async (still) => {
        if (!still) return null;
        const [x, y, width, height] = still.box.map((edge) => edge * ratio);
        const size = { resizeWidth: Math.max(1, Math.round(width)), resizeHeight: Math.max(1, Math.round(height)) };
        return { x, y, width, height, bitmap: await decode(still.png, { ...size, resizeQuality: "high" }) };
      }),
    );
    if (round !== this.round) return;
    this.fitted = fitted;
    const [wide, high] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      this.canvas.width = wide;
      this.canvas.height = high;
    }
    this.scale = ratio;
    if (this.record) this.draw(this.record);
  }

  resize() {
    if (this.scale !== undefined && Math.abs(this.ratio - this.scale) > 1e-3) this.fit();
  }

  draw(record) {
    this.record = record;
    this.canvas.style.visibility = "";
    const ctx = this.context;
    for (let i = 0; i < this.fitted.length; i++) {
      const still = this.fitted[i];
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      if (i === 0) {
        ctx.fillStyle = "white"; // for a figure whose own background is transparent
        ctx.fillRect(0, 0, this.canvas.width, this.canvas.height);
      }
      if (still) ctx.drawImage(still.bitmap, still.x, still.y, still.width, still.height);
      if (record.runs[i]) this.replay(record, record.runs[i]);
    }
  }

  replay(record, run) {
    const ctx = this.context;
    const unit = this.scale / UNITS;
    for (const call of run) {
      ctx.setTransform(unit, 0, 0, unit, 0, 0);
      if (call[0] === "png") {
        ctx.drawImage(call.bitmap, ...call[1].map((edge) => edge * UNITS));
        continue;
      }
      const [fill, stroke, width, cap, join, dashOffset, dashes, clip] = record.styles[call[0]];
      call.path ??= new Path2D(call[1]);
      ctx.save();
      if (clip) ctx.clip(new Path2D(clip));
      ctx.lineWidth = width;
      ctx.lineCap = cap;
      ctx.lineJoin = join;
      ctx.setLineDash(dashes);
      ctx.lineDashOffset = dashOffset;
      if (fill) ctx.fillStyle = fill;
      if (stroke) ctx.strokeStyle = stroke;
      const places = call[2] ?? [0, 0];
      for (let i = 0; i < places.length; i += 2) {
        ctx.setTransform(unit, 0, 0, unit, places[i] * unit, places[i + 1] * unit);
        if (fill) ctx.fill(call.path);
        if (stroke) ctx.stroke(call.path);
      }
      ctx.restore();
    }
  }
}

class Explorer {
  // controls: [{count, index, set(index)}]; ask(keys): sends for records, or null where nobody can answer.
  constructor(root, size, controls, ask) {
    element("style", "", root).textContent = STYLE;
    this.root = element("div", "explorer-stage", root);
    this.stage = new Stage(this.root, size);
    this.error = element("div", "explorer-error", this.stage.picture, { role: "alert" });
    this.error.hidden = true;
    const bar = element("div", "explorer-bar", this.root, { "aria-hidden": "true" });
    this.bar = element("div", "", bar);
    const below = element("div", "explorer-below", this.root);
    this.playButton = this.button(below, "Play", () => this.togglePlay());
    this.button(below, "Reset", () => this.reset());
    this.caption = element("div", "explorer-caption", below, { "aria-live": "polite" });
    this.note = element("div", "explorer-note", this.stage.picture, { role: "status" });
    this.controls = controls;
    this.initial = controls.map((control) => control.index);
    this.ask = ask;
    this.records = new Map();
    this.kept = 0;
    this.asked = new Set(); // on their way
    this.batches = 0;
    this.cost = BATCH_SECONDS; // seconds a position takes; until one is known, ask for one at a time
    this.touched = 0;
    this.visible = false;
    this.watcher = new IntersectionObserver((entries) => {
      this.visible = entries.some((entry) => entry.isIntersecting);
      // Notebook 7 takes the arrow keys from a slider of ipywidgets without the attribute.
      for (const handle of this.root.closest(".widget-vbox")?.querySelectorAll(".noUi-handle") ?? [])
        handle.setAttribute("data-lm-suppress-shortcuts", "true");
      this.ahead();
    });
    this.watcher.observe(this.root);
    this.rest();
  }

  button(parent, text, action) {
    const made = element("button", "", parent, { type: "button" });
    made.textContent = text;
    made.addEventListener("click", action);
    return made;
  }

  close() {
    this.stop();
    clearTimeout(this.waiting);
    clearTimeout(this.pause);
    cancelAnimationFrame(this.frame);
    this.watcher.disconnect();
    this.stage.close();
  }

  get key() {
    return this.controls.map((control) => control.index).join(",");
  }

  hold(key, record) {
    if (record.error !== undefined) return; // not kept: the next visit tries again
    record.weight ??= JSON.stringify(record).length;
    this.kept += record.weight - (this.records.get(key)?.weight ?? 0);
    this.records.set(key, record);
    for (const [old, { weight }] of this.records) {
      if (this.kept <= KEPT) break;
      this.records.delete(old);
      this.kept -= weight;
    }
  }

  forget() {
    this.records.clear();
    this.kept = 0;
  }

  moved(which) {
    this.touched = which;
    this.visible = true; // or at least the control is
    this.rest();
    // Drawn at once, so that the very next frame shows it; further moves before that frame are drawn in it.
    if (this.frame !== undefined) this.late = true;
    else this.drawNow();
  }

  drawNow() {
    this.late = false;
    this.frame = requestAnimationFrame(() => {
      this.frame = undefined;
      if (this.late) this.drawNow();
    });
    this.show();
  }

  show() {
    const key = this.key;
    const record = this.records.get(key);
    if (record) this.present(record);
    else if (this.ask) {
      this.expect();
      if (!this.urgent) this.ask([(this.urgent = key)]);
    }
    this.ahead();
  }

  present(record) {
    clearTimeout(this.waiting);
    this.waiting = undefined;
    this.root.removeAttribute("aria-busy");
    const failed = record.error !== undefined;
    this.error.hidden = !failed;
    if (failed) this.error.textContent = record.error;
    else {
      this.stage.draw(record);
      this.stage.canvas.setAttribute("aria-label", record.caption);
    }
    const caption = failed ? "" : record.caption;
    if (this.caption.textContent !== caption) this.caption.textContent = caption;
    this.shown = this.key;
    if (this.note.dataset.kind === "wait") this.say("");
  }

  say(text, kind = "") {
    this.note.textContent = text;
    this.note.dataset.kind = kind;
  }

  expect() {
    this.root.setAttribute("aria-busy", "true");
    this.waiting ??= setTimeout(() => {
      this.say("Waiting for the kernel: it is busy or stopped. Positions already seen still move.", "wait");
    }, 1500);
  }

  // Ask for what the reader may want next: outward along the control touched last. Only when the reader rests,
  // the other controls too: every move makes their positions others.
  ahead() {
    if (!this.ask || !this.visible) return;
    const around = this.outward(this.resting ? [this.touched, ...this.controls.keys()] : [this.touched]);
    const missing = around.filter((key) => !this.records.has(key));
    this.progress(around.length, missing.length);
    const most = this.cost > BATCH_SECONDS ? 1 : 3;
    if (this.batches >= most) return;
    const wanted = missing.filter((key) => !this.asked.has(key));
    const size = Math.max(1, Math.round(BATCH_SECONDS / this.cost));
    while (this.batches < most && wanted.length) {
      const batch = wanted.splice(0, size);
      for (const key of batch) this.asked.add(key);
      this.batches += 1;
      this.ask(batch);
    }
  }

  rest() {
    this.resting = false;
    clearTimeout(this.pause);
    this.pause = setTimeout(() => {
      this.resting = true;
      this.ahead();
    }, REST_MS);
  }

  outward(order) {
    const here = this.controls.map((control) => control.index);
    const keys = [];
    for (const which of new Set(order)) {
      const count = this.controls[which].count;
      for (let distance = 1; distance < count; distance++)
        for (const index of [here[which] + distance, here[which] - distance])
          if (index >= 0 && index < count) keys.push(here.map((at, i) => (i === which ? index : at)).join(","));
    }
    return keys;
  }

  // Fast figures fill unseen; slow ones (a training at each position) say how far they are.
  progress(total, missing) {
    if (missing * this.cost < 1) {
      this.bar.style.width = "0";
      if (this.note.dataset.kind === "fill") this.say("");
      return;
    }
    this.bar.style.width = `${(100 * (total - missing)) / total}%`;
    if (!this.note.textContent || this.note.dataset.kind === "fill")
      this.say(`Computing the other positions: ${total - missing} of ${total}.`, "fill");
  }

  async receive({ records, seconds }) {
    const entries = Object.entries(records);
    if (!entries.length) return;
    this.cost = 0.5 * this.cost + (0.5 * seconds) / entries.length;
    await Promise.all(entries.map(([, record]) => prepare(record)));
    for (const [key, record] of entries) this.hold(key, record);
    const urgent = entries.length === 1 && entries[0][0] === this.urgent;
    if (urgent) this.urgent = undefined;
    else {
      this.batches -= 1;
      for (const [key, record] of entries) if (record.error === undefined) this.asked.delete(key);
    }
    const now = entries.find(([key]) => key === this.key);
    if (now) this.present(now[1]);
    else if (this.shown !== this.key) this.show();
    this.ahead();
  }

  reset() {
    this.stop();
    this.initial.forEach((index, i) => this.controls[i].set(index));
    this.moved(this.touched);
  }

  togglePlay() {
    if (this.timer) return this.stop();
    const control = this.controls[this.touched];
    if (control.index >= control.count - 1) {
      control.set(0);
      this.moved(this.touched);
    }
    this.playButton.textContent = "Pause";
    this.timer = setInterval(() => {
      // Wait for a position that is not here yet instead of running past it.
      if (this.shown !== this.key && this.ask) return this.show();
      if (control.index >= control.count - 1) return this.stop();
      control.set(control.index + 1);
      this.moved(this.touched);
    }, PLAY_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = undefined;
    this.playButton.textContent = "Play";
  }
}

// A widget of ipywidgets as a row of positions.
function liveControl(model, { kind, values }) {
  const nearest = () => {
    const value = model.get("value");
    let [low, high] = [0, values.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (values[middle] <= value) low = middle;
      else high = middle;
    }
    return value - values[low] <= values[high] - value ? low : high;
  };
  const index = { range: nearest, choice: () => model.get("index") ?? 0, toggle: () => +model.get("value") }[kind];
  const set = (at) => {
    if (kind === "choice") model.set("index", at);
    else model.set("value", kind === "toggle" ? Boolean(at) : values[at]);
    model.save_changes();
  };
  return { count: values.length, set, get index() { return index(); } };
}

async function render({ model, el }) {
  const described = model.get("described");
  const models = await Promise.all(
    model.get("controls").map((reference) => model.widget_manager.get_model(reference.replace("IPY_MODEL_", ""))),
  );
  const controls = models.map((control, i) => liveControl(control, described[i]));
  const ask = (keys) => {
    try {
      model.send({ want: keys });
    } catch {
      // The kernel is gone. The note about waiting says so, and a cell run anew replaces this view.
    }
  };
  const explorer = new Explorer(el, model.get("size"), controls, ask);
  explorer.initial = described.map((control) => control.initial);
  const { key, record } = model.get("first");
  explorer.hold(key, await prepare(record));
  // One at a time: an answer may renew the stills, and those after it were recorded to go with the new ones.
  let answered = Promise.resolve();
  const onMessage = (message, pngs) => {
    if (message.records) answered = answered.then(() => take(message, pngs));
  };
  const take = async (message, pngs) => {
    if (message.boxes) {
      explorer.forget();
      // No record so far goes with the new stills. What is drawn stays until one comes that does.
      explorer.stage.record = undefined;
      await explorer.stage.setStills(message.boxes.map((box, i) => box && { box, png: pngs[i] }));
      explorer.shown = undefined;
    }
    await explorer.receive(message);
  };
  const listeners = controls.map((_, i) => () => explorer.moved(i));
  const traits = described.map(({ kind }) => (kind === "choice" ? "change:index" : "change:value"));
  await explorer.stage.setStills(model.get("stills"));
  model.on("msg:custom", onMessage);
  models.forEach((control, i) => control.on(traits[i], listeners[i]));
  explorer.show();
  return () => {
    model.off("msg:custom", onMessage);
    models.forEach((control, i) => control.off(traits[i], listeners[i]));
    explorer.close();
  };
}

// A control of plain HTML.
function pageControl(parent, { label, kind, values, texts, initial }, moved) {
  const box = element("label", "", parent);
  const caption = element("span", "", box);
  caption.textContent = label;
  const choice = kind === "choice";
  // JupyterLab takes the arrow keys from an input without the attribute.
  const input = element(choice ? "select" : "input", "", box, { "data-lm-suppress-shortcuts": "true" });
  const output = kind === "range" ? element("output", "", box) : undefined;
  if (choice) texts.forEach((text, i) => (element("option", "", input, { value: i }).textContent = text));
  else if (kind === "toggle") input.type = "checkbox";
  else Object.assign(input, { type: "range", min: 0, max: values.length - 1, step: 1 });
  const control = {
    count: values.length,
    get index() { return kind === "toggle" ? +input.checked : +input.value; },
    set(index) {
      if (kind === "toggle") input.checked = Boolean(index);
      else input.value = index;
      if (output) {
        output.textContent = texts[index];
        input.setAttribute("aria-valuetext", texts[index]);
      }
    },
  };
  control.set(initial);
  input.addEventListener("input", () => {
    control.set(control.index);
    moved();
  });
  return control;
}

export async function mountPage(root, { size, controls: described, stills, styles, records, limit }) {
  const row = element("div", "explorer-controls", root);
  const controls = described.map((one, i) => pageControl(row, one, () => explorer.moved(i)));
  const explorer = new Explorer(root, size, controls, null);
  if (limit) element("div", "explorer-limit", row).textContent = limit;
  const hold = async (key) => explorer.records.set(key, await prepare({ styles, ...records[key] }));
  explorer.show = async () => {
    if (!(explorer.key in records))
      explorer.initial.forEach((index, i) => i !== explorer.touched && controls[i].set(index));
    const { key } = explorer;
    if (!explorer.records.has(key)) await hold(key);
    if (key === explorer.key) explorer.present(explorer.records.get(key));
  };
  const draw = async () => {
    await explorer.stage.setStills(stills);
    await explorer.show();
    root.dataset.ready = "true";
  };
  // Down the page one after the other: the first figure need not wait for the last.
  globalThis.drawnSoFar = Promise.resolve(globalThis.drawnSoFar).catch(() => {}).then(draw);
  await globalThis.drawnSoFar;
  for (const key of Object.keys(records)) {
    await new Promise((resume) => setTimeout(resume));
    if (!explorer.records.has(key)) await hold(key);
  }
}

export default { render };
