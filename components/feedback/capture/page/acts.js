// What people do: ask, stop, and say what they make of an answer. heed.js does all the sending of feedback.

import * as chat from "./chat.js";
import { articleOf, clear, close, draw, goToEnd, note, open, paintSoon, tell } from "./drawing.js";
import { add, begun, isReady, keep, messagesUpTo, shownIn, talk, textOf, turnOf } from "./talk.js";

const running = new Map(); // answer: {stop, came}
const about = (answer, event) => heed.feedback({ interaction: answer.id, source: "page", ...event });
const changed = () => document.dispatchEvent(new Event("talk"));

export const isRunning = () => running.size > 0;

/** Say something to the model; with two answers wanted, they are set side by side. */
export function say(said, { two, model }) {
  const last = talk.at(-1);
  if (last && textOf(shownIn(last))) about(shownIn(last), { kind: "followup", text: said });
  if (last) leavePair(last);
  const turn = add(said, two ? 2 : 1);
  for (const answer of turn.answers) hear(answer, model);
  goToEnd();
}

/** Let the model answer. `came` is told once whether an answer began. */
async function hear(answer, model, came = () => {}) {
  const turn = turnOf(answer);
  const stop = new AbortController();
  let told = false;
  const tellOnce = (did) => {
    if (!told) came(did);
    told = true;
  };
  running.set(answer, { stop, came: tellOnce });
  Object.assign(answer, { state: "streaming", reason: "", model });
  articleOf(answer).told = 0;
  draw(turn);
  changed();
  tell("The model is answering.");
  const begins = (id) => {
    answer.id = id;
    tellOnce(true);
  };
  try {
    for await (const piece of chat.answer(messagesUpTo(turn), { id: answer.id, model, signal: stop.signal, begins })) {
      answer.text += piece.text;
      answer.cut ||= piece.cut;
      paintSoon(answer);
    }
    answer.state = "done";
  } catch (error) {
    const stopped = stop.signal.aborted;
    // A browser breaks off what a page is hearing shortly before it says that the page goes (see `leave`).
    if (!stopped) await new Promise((go) => setTimeout(go, 100));
    Object.assign(answer, { state: stopped ? "stopped" : "failed", reason: stopped ? "" : error.message });
    answer.locked = error instanceof chat.Locked;
    if (answer.locked) document.dispatchEvent(new CustomEvent("locked", { detail: error.message }));
  }
  tellOnce(false);
  running.delete(answer);
  if (talk.includes(turn)) finish(turn, answer);
  changed();
}

function finish(turn, answer) {
  keep();
  draw(turn);
  tell(answer.state === "done" ? "The answer is complete." : answer.reason || "Stopped.");
}

/** Stop answers while they stream: the user has heard enough. */
export function stop(answers = [...running.keys()]) {
  for (const answer of answers) {
    about(answer, { kind: "abandon" });
    running.get(answer).stop.abort();
  }
}

/** The page goes away, and nothing more of it will run. */
export function leave() {
  for (const [answer, { came }] of running) {
    about(answer, { kind: "abandon" });
    came(false);
    answer.state = "stopped";
  }
  keep();
}

/** A new talk; what was going on is left. */
export function startAnew() {
  stop();
  empty();
}

/** Forget who this is: a new id, an empty page, and nothing more is sent of what was waiting. */
export function forget() {
  for (const { stop } of running.values()) stop.abort();
  heed.forget();
  empty();
}

function empty() {
  talk.length = 0;
  keep();
  clear();
  changed();
}

/** Show the talk this tab had before it was loaded again. */
export function resume() {
  talk.forEach(draw);
}

/** Ask again for what a missing key has kept back. */
export function unlock() {
  for (const { answers } of talk) {
    for (const answer of answers) if (answer.locked && answer.state === "failed") acts.again(answer);
  }
}

/** What can be done about an answer, by the name its button has (data-do). */
export const acts = {
  up: (answer) => thumb(answer, 1),
  down: (answer) => thumb(answer, -1),
  edit: (answer, article) => open(article, "correct", textOf(answer)),
  comment: (answer, article) => close(article) || open(article, "comment", ""),
  close: (answer, article) => close(article),
  retry(answer) {
    const turn = turnOf(answer);
    const next = begun();
    turn.shown = turn.answers.push(next) - 1;
    hear(next, answer.model, (came) => about(answer, { kind: "regenerate", other: came ? next.id : undefined }));
    articleOf(next).focus();
  },
  compare(answer) {
    const turn = turnOf(answer);
    turn.pair = [turn.shown, turn.answers.push(begun()) - 1];
    hear(turn.answers.at(-1), answer.model);
    articleOf(answer).focus();
  },
  take(answer) {
    const turn = turnOf(answer);
    if (!turn.pair.every((place) => isReady(turn.answers[place]))) return;
    const mine = turn.answers.indexOf(answer);
    const other = turn.answers[turn.pair.find((place) => place !== mine)];
    about(answer, { kind: "choice", other: other.id, position: turn.pair.indexOf(mine) + 1 });
    turn.shown = mine;
    leavePair(turn);
  },
  older: (answer) => turnTo(answer, -1),
  newer: (answer) => turnTo(answer, 1),
  async copy(answer, article) {
    await copyText(textOf(answer), article.querySelector(".text"));
    note(answer.id, "copy", "copied");
    copied(answer);
  },
  again(answer) {
    // With an id of its own: the service may have kept what came of the first.
    Object.assign(answer, { id: heed.token(), text: "" });
    hear(answer, answer.model);
  },
};

/** Two answers are no longer compared; the one shown before, or taken, stays. */
export function leavePair(turn) {
  if (!turn.pair) return;
  stop(turn.pair.map((place) => turn.answers[place]).filter((answer) => running.has(answer)));
  turn.pair = null;
  keep();
  draw(turn);
  articleOf(shownIn(turn)).focus();
}

/** An answer's text was taken along; said once of each. */
export function copied(answer) {
  if (!answer.copied) about(answer, { kind: "copy" });
  answer.copied = true;
}

/** One of an answer's forms was sent off. */
export function submitted(form, article) {
  const { answer } = article;
  const given = Object.fromEntries(new FormData(form));
  const words = given.words?.trim() || undefined;
  if (given.text?.trim() && given.text !== textOf(answer)) {
    answer.edited = given.text;
    about(answer, { kind: "edit", text: given.text });
  }
  if (given.stars) about(answer, { kind: "rating", score: (given.stars - 3) / 2 });
  if (given.report) about(answer, { kind: "report", text: words });
  else if (words) about(answer, { kind: "comment", text: words });
  close(article);
  keep();
  draw(turnOf(answer));
}

function thumb(answer, score) {
  if (answer.thumb === score) return;
  answer.thumb = score;
  about(answer, { kind: "thumb", score });
  keep();
  draw(turnOf(answer));
}

function turnTo(answer, step) {
  const turn = turnOf(answer);
  turn.shown += step;
  keep();
  draw(turn);
  articleOf(shownIn(turn)).focus();
}

async function copyText(text, element) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection().selectAllChildren(element); // without https, or leave, there is still the old way
    document.execCommand("copy");
  }
}
