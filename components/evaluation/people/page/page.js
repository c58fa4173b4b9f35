// Shows one pair after the other and sends each verdict; the next pair comes when the last verdict is kept.

const byId = (id) => document.getElementById(id);
const KEYS = {
  1: "left", ArrowLeft: "left", 2: "right", ArrowRight: "right", 0: "tie", " ": "tie",
  Backspace: "back", s: "skip", S: "skip", w: "why", W: "why",
};
const LOST = "Not kept: heed does not answer. Start `heed judge page` again, open the address it says, and go on there.";

const pairs = await (await fetch("pairs")).json();
let at = 0;
let waiting = Promise.resolve();

const isOpen = (pair) => !pair.better;
const afterwards = (from) => {
  const next = pairs.findIndex((pair, index) => index >= from && isOpen(pair));
  return next < 0 ? pairs.length : next;
};

function show() {
  const judged = pairs.filter((pair) => pair.better).length;
  const atEnd = at >= pairs.length;
  byId("progress").textContent = `${judged} of ${pairs.length} judged`;
  byId("bar").max = pairs.length;
  byId("bar").value = judged;
  byId("judging").hidden = byId("acts").hidden = atEnd;
  byId("end").hidden = !atEnd;
  byId("note").textContent = "";
  atEnd ? showEnd(judged) : showPair(pairs[at]);
  scrollTo(0, 0);
}

function showPair(pair) {
  for (const part of ["prompt", "left", "right"]) byId(part).textContent = pair[part];
  byId("prompt").scrollTop = 0;
  byId("why").value = pair.why;
  for (const button of document.querySelectorAll("[data-better]"))
    button.ariaPressed = String(button.dataset.better === pair.better);
  for (const answer of document.querySelectorAll("[data-side]"))
    answer.classList.toggle("better", answer.dataset.side === pair.better);
  document.querySelector("footer [data-act=back]").disabled = at === 0;
  byId("prompt").focus({ preventScroll: true });
}

function showEnd(judged) {
  const said = (better) => pairs.filter((pair) => pair.better === better).length;
  const skipped = pairs.length - judged;
  byId("done").textContent = skipped ? `${judged} of ${pairs.length} are judged` : `All ${pairs.length} are judged`;
  byId("tally").textContent = `Better: left ${said("left")}, right ${said("right")}. Ties: ${said("tie")}. Skipped: ${skipped}.`;
  byId("skipped").hidden = !skipped;
  byId("end").focus();
}

async function say(better) {
  const pair = pairs[at];
  const why = byId("why").value;
  if (!(await send({ id: pair.id, better, why }))) return;
  Object.assign(pair, { better, why });
  at = afterwards(at + 1);
  show();
}

async function send(verdict) {
  try {
    const answer = await fetch("verdicts", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(verdict),
    });
    if (answer.ok) return true;
  } catch {
    // Nobody answers, which is said below.
  }
  byId("note").textContent = LOST;
  return false;
}

const ACTS = {
  back: () => { at = Math.max(0, at - 1); show(); },
  skip: () => { at += 1; show(); },
  open: () => { at = afterwards(0); show(); },
  why: () => byId("why").focus(),
};

// One after the other, so that a key that comes while a verdict is being kept is about the pair that comes next.
function act(name) {
  waiting = waiting.then(() => {
    if (name === "back" || name === "open") return ACTS[name]();
    if (at < pairs.length) return (ACTS[name] ?? (() => say(name)))();
  });
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.id === "why") {
    if (event.key === "Enter" || event.key === "Escape") byId("prompt").focus({ preventScroll: true });
    return;
  }
  const presses = event.target.closest("button") && (event.key === " " || event.key === "Enter");
  const name = KEYS[event.key];
  if (!name || presses) return;
  event.preventDefault();
  act(name);
});

addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) act(button.dataset.better ?? button.dataset.act);
});

at = afterwards(0);
show();
