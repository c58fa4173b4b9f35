// The page at /: where one talks to the model and says what one makes of its answers. Ties what is pressed, typed and
// told to what is done; does nothing of it itself.

import { acts, copied, forget, isRunning, leave, leavePair, resume } from "./acts.js";
import { say, startAnew, stop, submitted, unlock } from "./acts.js";
import { Locked, models, shelf } from "./chat.js";
import { close, current, fit, note } from "./drawing.js";
import { turnOf } from "./talk.js";

const by = (id) => document.getElementById(id);
const said = by("said");
const KEYS = { u: "up", d: "down", e: "edit", r: "retry", c: "compare", m: "comment", y: "copy" };

// ---- Writing to the model.

function send() {
  if (!said.value.trim() || isRunning()) return;
  const text = said.value;
  said.value = "";
  fit(said);
  say(text, { two: by("two").ariaPressed === "true", model: model() });
}

function model() {
  return by("model").hidden ? by("model-name").value.trim() : by("model").value;
}

async function offerModels() {
  const names = await models().catch(lockedOut);
  if (!names) return;
  const last = shelf.get("heed.model") ?? "";
  by("model").replaceChildren(...names.map((name) => new Option(name, name, false, name === last)));
  by("model").hidden = names.length === 0;
  by("model-name").hidden = names.length > 0;
  by("model-name").value = last;
}

by("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
said.addEventListener("keydown", (event) => {
  const touch = matchMedia("(pointer: coarse)").matches; // whose keyboard has no other way to begin a line
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || touch) return;
  event.preventDefault();
  send();
});
by("two").addEventListener("click", () => {
  by("two").ariaPressed = String(by("two").ariaPressed !== "true");
  said.focus();
});
by("stop").addEventListener("click", () => {
  stop();
  said.focus();
});
by("new").addEventListener("click", () => {
  startAnew();
  said.focus();
});
for (const field of [by("model"), by("model-name")]) {
  field.addEventListener("change", () => shelf.set("heed.model", field.value));
}
document.addEventListener("input", ({ target }) => {
  if (target.localName === "textarea") fit(target);
});
document.addEventListener("talk", () => {
  by("stop").hidden = !isRunning();
  by("send").hidden = isRunning();
});

// ---- Saying what one makes of an answer.

by("talk").addEventListener("click", ({ target }) => {
  const button = target.closest("[data-do]");
  if (!button) return;
  const article = button.closest(".answer") ?? button.closest(".turn").querySelector(".answer");
  if (button.dataset.do === "back") leavePair(turnOf(article.answer));
  else acts[button.dataset.do](article.answer, article);
});
by("talk").addEventListener("submit", (event) => {
  event.preventDefault();
  submitted(event.target, event.target.closest(".answer"));
});
document.addEventListener("copy", () => {
  const { isCollapsed, anchorNode } = getSelection();
  const article = anchorNode?.parentElement?.closest(".answer");
  if (article && !isCollapsed) copied(article.answer);
});

// ---- Whether it was saved, and the key that may be asked for.

document.addEventListener("heed", ({ detail }) => {
  note(detail.interaction, detail.id, detail.status, detail.reason);
  if (detail.status === "locked") askForKey("The service does not take this key.");
  const left = heed.waiting();
  if (detail.status === "again" || detail.status === "locked") by("waiting").hidden = false;
  if (left === 0) by("waiting").hidden = true;
  by("waiting").textContent = `${left} to send`;
});
document.addEventListener("locked", ({ detail }) => askForKey(detail));

function lockedOut(error) {
  if (!(error instanceof Locked)) throw error;
  askForKey(error.message);
}

function askForKey(why) {
  by("locked-why").textContent = heed.key ? why : "This service asks for a key.";
  by("locked").hidden = false;
}

by("locked").addEventListener("submit", (event) => {
  event.preventDefault();
  heed.key = by("key").value.trim();
  shelf.set("heed.key", heed.key);
  by("locked").reset();
  by("locked").hidden = true;
  heed.send();
  offerModels();
  unlock();
  said.focus();
});

// ---- Keys.

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form?.requestSubmit();
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") escape();
  else if (!event.target.closest("input, select, textarea") && by("shortcuts").checked && press(event.key)) {
    event.preventDefault();
  }
});

function escape() {
  const article = document.activeElement?.closest(".answer");
  if (article && close(article)) return;
  if (isRunning()) stop();
  else if (document.activeElement === said) current()?.focus();
}

/** Do what a key stands for; false where it stands for nothing. */
function press(key) {
  if (key in KEYS) return click(current(), `[data-do=${KEYS[key]}]`);
  if (key === "1" || key === "2") return click(current()?.parentElement.children[key - 1], "[data-do=take]");
  if (key === "j" || key === "k") return walk(key === "j" ? 1 : -1);
  if (key === "/") said.focus();
  else if (key === "n") by("new").click();
  else if (key === "?") by("help").showModal();
  else return false;
  return true;
}

function click(article, selector) {
  const button = article?.querySelector(selector);
  if (button?.checkVisibility()) button.click();
  return Boolean(button);
}

function walk(step) {
  const articles = [...document.querySelectorAll(".answer")];
  const here = articles.indexOf(document.activeElement?.closest(".answer"));
  const next = here < 0 ? articles.length - 1 : Math.min(Math.max(here + step, 0), articles.length - 1);
  articles[next]?.focus();
  return true;
}

// ---- Help, and who one is.

by("help-button").addEventListener("click", () => by("help").showModal());
by("shortcuts").addEventListener("change", () => shelf.set("heed.shortcuts", by("shortcuts").checked ? "on" : "off"));
by("you-button").addEventListener("click", () => {
  by("user").textContent = heed.user;
  by("you").returnValue = "";
  by("you").showModal();
});
by("you").addEventListener("close", () => {
  if (by("you").returnValue === "forget") forget();
});

// Before heed.js sends what is left, so that it is among it.
addEventListener("pagehide", leave, { capture: true });
by("shortcuts").checked = shelf.get("heed.shortcuts") !== "off";
heed.key = shelf.get("heed.key") ?? undefined;
resume();
offerModels();
said.focus();
