// Shows the talk. Every turn and every answer has one element, brought up to date in place so that focus stays.

import { write } from "./markdown.js";
import { isReady, shownIn, talk, textOf, turnOf } from "./talk.js";

const views = new Map(); // turn or answer: its element
const due = new Set(); // answers to paint in the next frame

const by = (id) => document.getElementById(id);
const copyOf = (id) => by(id).content.firstElementChild.cloneNode(true);

function viewOf(turn) {
  if (!views.has(turn)) {
    const view = Object.assign(copyOf("turn"), { marks: new Map() });
    view.querySelector(".said").textContent = turn.said;
    by("talk").append(view);
    by("welcome").hidden = true;
    views.set(turn, view);
  }
  return views.get(turn);
}

export function articleOf(answer) {
  if (!views.has(answer)) views.set(answer, Object.assign(copyOf("answer"), { answer, told: Infinity }));
  return views.get(answer);
}

/** Show a turn as it is now. */
export function draw(turn) {
  const view = viewOf(turn);
  const atEnd = isAtEnd();
  const list = view.querySelector(".answers");
  const articles = (turn.pair ?? [turn.shown]).map((i) => articleOf(turn.answers[i]));
  if (articles.length !== list.children.length || articles.some((it, i) => it !== list.children[i])) {
    list.replaceChildren(...articles);
  }
  list.classList.toggle("pair", turn.pair !== null);
  view.querySelector(".both").hidden = turn.pair === null;
  for (const article of articles) dress(article, turn);
  if (atEnd) goToEnd();
}

/** Take everything off the page. */
export function clear() {
  views.clear();
  due.clear();
  for (const view of by("talk").querySelectorAll(".turn")) view.remove();
  by("told").replaceChildren();
  by("welcome").hidden = false;
}

function dress(article, turn) {
  const { answer } = article;
  const place = turn.answers.indexOf(answer);
  const part = (selector) => article.querySelector(selector);
  paint(article);
  article.ariaBusy = String(answer.state === "streaming");
  article.ariaLabel = turn.pair ? `Answer ${turn.pair.indexOf(place) + 1} of two` : "Answer";
  part(".state").textContent = stateOf(answer);
  part(".failed").hidden = answer.state !== "failed";
  part(".failed p").textContent = answer.reason;
  part(".take").hidden = !turn.pair;
  part(".take").disabled = !turn.pair?.every((i) => isReady(turn.answers[i]));
  part(".bar").hidden = answer.state === "streaming" || turn.pair !== null;
  for (const button of part(".bar").querySelectorAll(":scope > button")) button.hidden = !textOf(answer);
  part("[data-do=up]").ariaPressed = String(answer.thumb === 1);
  part("[data-do=down]").ariaPressed = String(answer.thumb === -1);
  part(".pager").hidden = turn.answers.length < 2;
  part(".place").textContent = `${place + 1} of ${turn.answers.length}`;
  part("[data-do=older]").disabled = place === 0;
  part("[data-do=newer]").disabled = place === turn.answers.length - 1;
}

function stateOf({ edited, state, cut }) {
  if (edited) return "Corrected by you";
  if (state === "stopped") return "Stopped";
  return state === "done" && cut ? "Cut short at the model's limit" : "";
}

/** Show an answer's text in the next frame, however often it grows until then. */
export function paintSoon(answer) {
  if (!due.size) requestAnimationFrame(paintDue);
  due.add(answer);
}

function paintDue() {
  for (const answer of due) if (turnOf(answer)) paint(articleOf(answer));
  due.clear();
}

function paint(article) {
  const { answer } = article;
  const streaming = answer.state === "streaming";
  const atEnd = isAtEnd();
  const text = article.querySelector(".text");
  write(text, textOf(answer));
  article.classList.toggle("thinking", streaming && !answer.text);
  // While it grows, its last block is not yet whole.
  const whole = text.children.length - (streaming ? 1 : 0);
  for (; article.told < whole; article.told++) tell(text.children[article.told].innerText);
  if (atEnd && streaming) goToEnd();
}

const isAtEnd = () => innerHeight + scrollY > document.documentElement.scrollHeight - 90;

export function goToEnd() {
  scrollTo(0, document.documentElement.scrollHeight);
}

/** Say it to those who listen to the page instead of looking at it. */
export function tell(text) {
  const line = document.createElement("p");
  line.textContent = text;
  by("told").append(line);
  while (by("told").children.length > 30) by("told").firstElementChild.remove();
}

// ---- What a user can write about an answer.

/** Open one of an answer's forms ("correct" or "comment") with a text in it. */
export function open(article, name, text) {
  close(article);
  const form = article.querySelector(`form.${name}`);
  const area = form.querySelector("textarea");
  const atEnd = isAtEnd();
  form.hidden = false;
  area.value = text;
  fit(area);
  article.classList.toggle("correcting", name === "correct");
  article.querySelector("[data-do=comment]").ariaExpanded = String(name === "comment");
  (name === "correct" ? area : form.querySelector("input")).focus();
  if (atEnd) goToEnd();
}

/** Close an answer's open form; false where none is. */
export function close(article) {
  const form = article.querySelector("form:not([hidden])");
  if (!form) return false;
  form.reset();
  form.hidden = true;
  article.classList.remove("correcting");
  article.querySelector("[data-do=comment]").ariaExpanded = "false";
  article.querySelector(`[data-do=${form.classList.contains("correct") ? "edit" : "comment"}]`).focus();
  return true;
}

/** Make a text field as high as its text. */
export function fit(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}

// ---- Whether what they did was saved.

const NOTES = [
  ["refused", "Not taken"],
  ["locked", "Will be sent when there is a key"],
  ["again", "Not saved yet, will be sent again"],
  ["waiting", "Saving…"],
  ["copied", "Copied"],
  ["stored", "Saved"],
];
const OVER = new Set(["stored", "copied", "refused"]);

/** Note under the turn an interaction belongs to how an event fares. */
export function note(interaction, event, status, reason = "") {
  const turn = talk.find(({ answers }) => answers.some((it) => it.id === interaction));
  if (!turn) return;
  const view = viewOf(turn);
  if (!view.marks.has(event)) for (const [id, it] of view.marks) if (OVER.has(it)) view.marks.delete(id);
  view.marks.set(event, status);
  const statuses = [...view.marks.values()];
  const [worst, text] = NOTES.find(([it]) => statuses.includes(it));
  const said = worst === "refused" && reason ? `${text}: ${reason}` : text;
  const line = view.querySelector(".note");
  if (line.textContent === said) return;
  line.textContent = said;
  line.dataset.status = worst;
  if (worst !== "waiting") tell(said);
}

/** The answer a key is meant for: the one that has the focus, or else the last. */
export function current() {
  return document.activeElement?.closest(".answer") ?? (talk.length ? articleOf(shownIn(talk.at(-1))) : null);
}
