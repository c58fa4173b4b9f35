// The talk so far, kept in this tab only. Knows nothing of how it is shown or sent.

/**
 * Turns of {said, answers, shown, pair}: shown is the place of the answer the talk goes on from, pair the places of
 * two that are being compared. An answer is {id, text, edited, state, reason, thumb}, and its state is streaming, done,
 * stopped (by the user) or failed.
 */
export const talk = restored();

function restored() {
  try {
    const turns = JSON.parse(sessionStorage.getItem("heed.talk")) ?? [];
    for (const answer of turns.flatMap((turn) => turn.answers)) {
      if (answer.state === "streaming") answer.state = "stopped";
    }
    return turns;
  } catch {
    return [];
  }
}

export function keep() {
  try {
    sessionStorage.setItem("heed.talk", JSON.stringify(talk));
  } catch { /* too long, or denied: it then lives as long as the page */ }
}

export const begun = () => ({ id: heed.token(), text: "", edited: null, state: "streaming", reason: "", thumb: 0 });
export const turnOf = (answer) => talk.find((turn) => turn.answers.includes(answer));
export const shownIn = (turn) => turn.answers[turn.shown];
export const textOf = (answer) => answer.edited ?? answer.text;
export const isReady = (answer) => answer.state !== "streaming" && textOf(answer) !== "";

/** A turn to be answered `count` times, one or two. */
export function add(said, count) {
  const turn = { said, answers: Array.from({ length: count }, begun), shown: 0, pair: count === 2 ? [0, 1] : null };
  talk.push(turn);
  return turn;
}

/** What the model is to answer: the turns before that have an answer, and this one's question. */
export function messagesUpTo(turn) {
  const before = talk.slice(0, talk.indexOf(turn)).filter((it) => textOf(shownIn(it)));
  const spoken = before.flatMap((it) => [
    { role: "user", content: it.said },
    { role: "assistant", content: textOf(shownIn(it)) },
  ]);
  return [...spoken, { role: "user", content: turn.said }];
}
