// Hears what people do about a model's answers on any page, and sends it to the heed this file was loaded from.
// Events wait in localStorage until the service has them, so no reload and no dead network loses one. Knows no model.
//
//   <script src="https://heed.example/heed.js" data-key="heed_…" data-user="…" defer></script>
//   <p data-heed-interaction="ID">an answer</p>     gets buttons under it, whenever it appears
//   heed.attach(element, {interaction, text, actions})     the same by hand; actions also by data-heed-actions
//   heed.feedback({interaction, kind, …}), heed.interaction({prompt, response, …})     give the event's id
//
// Imported as a module it knows no address: set heed.url. The key is seen by every visitor: give it scope write only.
// Every event's way is told on document as "heed": {id, interaction, kind, status, reason}, where status is waiting,
// stored, again (will be sent again), refused or locked (the key is missing or not the right one).
(() => {
  if (globalThis.heed) return;
  const script = document.currentScript ?? document.querySelector('script[src$="heed.js"]');
  const attempt = (run) => { try { return run(); } catch { return null; } };
  const hex = (byte) => (byte + 256).toString(16).slice(1);
  const token = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), hex).join("");
  const bytes = (text) => new TextEncoder().encode(text).length;
  const memory = new Map(); // for browsers that deny storage
  const shelf = {
    get: (name) => memory.get(name) ?? attempt(() => localStorage.getItem(name)),
    set: (name, value) => attempt(() => (localStorage.setItem(name, value), true)) || memory.set(name, value),
    drop: (name) => (memory.delete(name), attempt(() => localStorage.removeItem(name))),
    names: () => [...memory.keys(), ...(attempt(() => Object.keys(localStorage)) ?? [])],
  };

  // ---- Sending: one request at a time, oldest first. Each event has a place of its own on the shelf, so tabs do not
  // disturb each other, and its id makes it harmless to send it twice.
  let sending = false, timer = 0, pause = 1, most = 50, made = 0;
  const queue = () => shelf.names().filter((name) => name.startsWith("heed:")).sort();

  function put(event) {
    const full = { id: token(), created_at: new Date().toISOString(), user: heed.user, ...event };
    shelf.set(`heed:${Date.now()}.${String(made++).padStart(6, "0")}.${full.id}`, JSON.stringify(full));
    tell(full, timer ? "again" : "waiting");
    if (!timer) send();
    return full.id;
  }

  function tell({ id, interaction, kind }, status, reason) {
    document.dispatchEvent(new CustomEvent("heed", { detail: { id, interaction, kind, status, reason } }));
  }

  function due(room) {
    const events = queue().slice(0, most).map((name) => ({ name, line: shelf.get(name) }));
    return events.filter(({ line }) => line && bytes(line) < room && (room -= bytes(line) + 1));
  }

  function request(events) {
    const headers = { "content-type": "application/x-ndjson" };
    if (heed.key) headers.authorization = `Bearer ${heed.key}`;
    const body = events.map(({ line }) => line + "\n").join("");
    return fetch(new URL("v1/batch", heed.url), { method: "POST", headers, body, keepalive: bytes(body) < 60000 });
  }

  async function send() {
    if (sending) return;
    clearTimeout(timer);
    timer = 0;
    const events = due(Infinity);
    if (!events.length) return;
    sending = true;
    let wait;
    try {
      const reply = await request(events);
      if (reply.ok) wait = heard(events, await reply.text());
      else wait = spurned(events, reply.status, Number(reply.headers.get("retry-after")));
    } catch {
      wait = later(events, "again");
    }
    sending = false;
    if (wait) timer = setTimeout(send, wait * 1000);
    else send();
  }

  // These give the seconds to wait before the next request.

  function heard(events, text) {
    const verdicts = new Map(text.match(/[^\n]+/g)?.map((line) => JSON.parse(line)).map((it) => [it.line, it]));
    const left = events.filter((event, i) => !settled(event, verdicts.get(i + 1) ?? {}));
    if (left.length) return later(left, "again");
    most = 50;
    pause = 1;
    return 0;
  }

  function settled({ name, line }, { status, reason }) {
    if (!["stored", "duplicate", "refused"].includes(status)) return false;
    if (status === "refused") console.warn("heed refused an event:", reason, line);
    shelf.drop(name);
    tell(JSON.parse(line), status === "refused" ? status : "stored", reason);
    return true;
  }

  function spurned(events, status, seconds) {
    if (status === 401 || status === 403) return later(events, "locked");
    if (![400, 413, 415, 422].includes(status)) return later(events, "again", seconds);
    if (events.length === 1) settled(events[0], { status: "refused", reason: `the service answered ${status}` });
    most = 1; // each by itself shows whether it is the one
    return 0;
  }

  function later(events, status, seconds) {
    for (const { line } of events) tell(JSON.parse(line), status);
    pause = Math.min(60, pause * 2);
    return seconds || pause * (0.5 + Math.random() / 2);
  }

  // A request with keepalive outlives the page. Nobody will see its answer, so the events stay and are sent once more.
  addEventListener("pagehide", () => {
    const events = due(60000);
    if (events.length) request(events).catch(() => {});
  });
  addEventListener("online", send);

  // ---- Buttons under an answer, in a shadow root so that the page's styles do not reach them.
  const THUMB = "M7 11v9H4v-9zm0 0 4-8c1.8 0 2.6 1.3 2.3 2.9L12.7 9H19a2 2 0 0 1 1.9 2.3l-1.2 7A2 2 0 0 1 17.8 20H7";
  const ICONS = {
    up: ["Good answer", THUMB],
    down: ["Bad answer", THUMB],
    edit: ["Correct it", "M4 20l1-4L16.5 4.5l3 3L8 19z"],
    comment: ["Comment", "M4 5h16v11h-9l-5 4v-4H4z"],
    report: ["Report", "M6 21V4h12l-3 4 3 4H6"],
  };
  const LATER = "Will be sent again";
  const NOTES = { waiting: "…", stored: "Thank you", again: LATER, locked: LATER, refused: "Not taken" };
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial; color-scheme: inherit; display: block; font: 14px system-ui, sans-serif }
    :host { color: var(--heed-color, color-mix(in srgb, CanvasText 65%, Canvas)) }
    div { display: flex; flex-wrap: wrap; align-items: center }
    button { min-width: 44px; min-height: 44px; border: 0; background: none; color: inherit; font: inherit }
    button:hover, [aria-pressed=true] { color: var(--heed-accent, LinkText) }
    :focus-visible { outline: 2px solid var(--heed-accent, Highlight) }
    svg { width: 20px; fill: none; stroke: currentColor; stroke-width: 1.8; vertical-align: middle }
    [aria-pressed=true] svg { fill: currentColor }
    [name=down] svg { transform: rotate(180deg) }
    textarea { box-sizing: border-box; width: 100%; min-height: 5em; padding: 8px; font: 16px system-ui, sans-serif }`);
  const watched = new Map(); // element: {interaction, host, say, copied}

  const make = (tag, values, ...children) => {
    const element = Object.assign(document.createElement(tag), values);
    element.append(...children);
    return element;
  };

  function icon(path) {
    const [svg, line] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    svg.setAttribute("viewBox", "0 0 24 24");
    line.setAttribute("d", path);
    svg.append(line);
    return svg;
  }

  function attach(element, { interaction, text, actions = ["up", "down", "edit", "comment"] }) {
    detach(element);
    const host = make("heed-feedback");
    const note = make("span", { role: "status" });
    const bar = make("div", { role: "group", ariaLabel: "Feedback" });
    const about = (event) => heed.feedback({ interaction, ...event });

    const thumb = (name) => {
      for (const button of bar.children) button.ariaPressed &&= String(button.name === name);
      about({ kind: "thumb", score: name === "up" ? 1 : -1 });
    };

    const write = (kind) => {
      bar.nextSibling?.remove();
      const area = make("textarea", { ariaLabel: ICONS[kind][0] });
      if (kind === "edit") area.value = text ?? element.innerText;
      const cancel = make("button", { type: "button", textContent: "Cancel" });
      const form = make("form", {}, area, make("button", { textContent: "Send" }), cancel);
      const close = () => {
        form.remove();
        bar.querySelector(`[name=${kind}]`).focus();
      };
      form.onsubmit = (event) => {
        event.preventDefault();
        const words = area.value.trim() ? area.value : undefined;
        if (words || kind === "report") about({ kind, text: words });
        close();
      };
      cancel.onclick = close;
      form.onkeydown = (event) => {
        if (event.key === "Escape") close();
      };
      bar.after(form);
      area.focus();
    };

    for (const name of actions.filter((it) => it in ICONS)) {
      const [label, path] = ICONS[name];
      const isThumb = name === "up" || name === "down";
      const button = make("button", { name, type: "button", title: label, ariaLabel: label }, icon(path));
      if (isThumb) button.ariaPressed = "false";
      button.onclick = () => (isThumb ? thumb(name) : write(name));
      bar.append(button);
    }
    bar.append(note);
    const root = host.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.append(bar);
    if (actions.length) element.after(host);
    watched.set(element, { interaction, host, copied: false, say: (status) => (note.textContent = NOTES[status]) });
  }

  function detach(element) {
    watched.get(element)?.host.remove();
    watched.delete(element);
  }

  function look() {
    for (const element of watched.keys()) if (!element.isConnected) detach(element);
    for (const element of document.querySelectorAll("[data-heed-interaction]")) {
      const { heedInteraction: interaction, heedActions } = element.dataset;
      if (!interaction || watched.get(element)?.interaction === interaction) continue;
      attach(element, { interaction, actions: heedActions?.split(/\s+/) });
    }
  }

  document.addEventListener("heed", ({ detail }) => {
    for (const it of watched.values()) if (it.interaction === detail.interaction) it.say(detail.status);
  });
  document.addEventListener("copy", () => {
    const selected = getSelection();
    for (const [element, it] of watched) {
      if (!selected || selected.isCollapsed || it.copied || !element.contains(selected.anchorNode)) continue;
      it.copied = true;
      heed.feedback({ interaction: it.interaction, kind: "copy" });
    }
  });

  let started = false;
  function start() {
    if (started) return;
    started = true;
    look();
    send();
    const attributes = { attributeFilter: ["data-heed-interaction"] };
    new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true, ...attributes });
  }

  const heed = (globalThis.heed = {
    url: new URL(".", script?.src ?? location.href).href,
    key: script?.dataset.key,
    user: script?.dataset.user ?? shelf.get("heed.user"),
    interaction: (event) => put({ type: "interaction", ...event }),
    feedback: (event) => put({ type: "feedback", ...event }),
    waiting: () => queue().length,
    attach,
    send,
    token,
    /** A new user from here on; what waits to be sent of the old one is not sent. */
    forget() {
      queue().forEach(shelf.drop);
      shelf.set("heed.user", (heed.user = token()));
    },
  });
  if (!heed.user) shelf.set("heed.user", (heed.user = token()));
  if (document.readyState === "complete") start();
  for (const event of ["DOMContentLoaded", "load"]) addEventListener(event, start);
})();
