// Talks to the model behind the service in OpenAI's chat API. Knows nothing of what is shown.

export const shelf = {
  get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* a browser that denies storage */ } },
};

/** The service wants a key, or another one. */
export class Locked extends Error {}

const headers = () => ({ "heed-user": heed.user, ...(heed.key && { "heed-key": heed.key }) });

/**
 * Ask the model and yield its answer piece by piece, as {text, cut}: cut where the model reached its limit.
 *
 * `begins` is called with the interaction's id once there is an answer. Whatever goes wrong is an Error whose message
 * is a sentence to show.
 */
export async function* answer(messages, { id, model, signal, begins }) {
  let some = false;
  try {
    const reply = await fetch("v1/chat/completions", {
      method: "POST",
      signal,
      headers: { ...headers(), "content-type": "application/json", "heed-interaction": id },
      body: JSON.stringify({ model: model || undefined, messages, stream: true }),
    });
    if (!reply.ok) throw await refusal(reply);
    begins(reply.headers.get("heed-interaction") ?? id);
    for await (const piece of pieces(reply)) {
      some ||= piece.text !== "";
      yield piece;
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error("The answer could not be read.");
    if (!(error instanceof TypeError)) throw error;
    throw new Error(some ? "The connection broke off." : "The service cannot be reached.");
  }
  if (!some) throw new Error("The model said nothing.");
}

/** The names of the models there are; none where the endpoint does not tell. */
export async function models() {
  const reply = await fetch("v1/models", { headers: headers() }).catch(() => null);
  if (!reply) return [];
  if (!reply.ok) {
    const error = await refusal(reply);
    if (error instanceof Locked) throw error;
    return [];
  }
  const { data } = await reply.json().catch(() => ({}));
  return Array.isArray(data) ? data.map((it) => it.id) : [];
}

async function* pieces(reply) {
  if (!reply.headers.get("content-type")?.includes("event-stream")) return yield piece(await reply.json());
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader(); // Safari cannot iterate over a stream
  let rest = "";
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    const lines = (rest + step.value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) if (/^data: ?\{/.test(line)) yield piece(JSON.parse(line.slice(5)));
  }
}

function piece({ error, choices }) {
  if (error) throw new Error(error.message ?? "The model broke off with an error.");
  const { delta, message, finish_reason: end } = choices?.[0] ?? {};
  const { content, refusal } = delta ?? message ?? {};
  return { text: content ?? refusal ?? "", cut: end === "length" };
}

async function refusal(reply) {
  const { error } = await reply.json().catch(() => ({}));
  // heed's own errors say what and how to mend it; the model's endpoint has a message.
  if (error?.what) {
    const kind = reply.status === 401 || reply.status === 403 ? Locked : Error;
    return new kind([error.what, error.fix].filter(Boolean).map(asSentence).join(" "));
  }
  return new Error(`The model could not answer: ${error?.message ?? `its endpoint says ${reply.status}`}`);
}

const asSentence = (text) => text[0].toUpperCase() + text.slice(1).replace(/\.?$/, ".");
