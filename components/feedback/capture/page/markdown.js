// Shows a little Markdown (paragraphs, headings, lists, code, bold, italics) by building elements: whatever a model
// writes stays text. What it does not know it shows as it is.

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
const HEADING = /^#{1,6}\s+(.*)$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const INLINE = /(`[^`\n]+`|\*\*[^*]+\*\*|\*[^*\s][^*\n]*\*)/;

/** Make `container` show `text`. Blocks that are as before are left alone, so text can grow under a selection. */
export function write(container, text) {
  const wanted = blocks(text);
  wanted.forEach((block, i) => {
    const source = `${block.kind}\n${block.lines.join("\n")}`;
    const there = container.children[i];
    if (there?.source === source) return;
    const made = Object.assign(BUILD[block.kind](block), { source });
    if (there) there.replaceWith(made);
    else container.append(made);
  });
  while (container.children.length > wanted.length) container.lastElementChild.remove();
}

function blocks(text) {
  const found = [];
  let block = null;
  const begin = (kind, line) => found.push((block = { kind, lines: [line] }));
  for (const line of text.split("\n")) {
    const fence = FENCE.exec(line);
    if (block?.fence) {
      if (fence?.[1].startsWith(block.fence) && !fence[2].trim()) block = null;
      else block.lines.push(line);
    } else if (fence) {
      found.push((block = { kind: "code", lines: [], fence: fence[1] }));
    } else if (!line.trim()) {
      block = null;
    } else if (HEADING.test(line)) {
      begin("heading", line);
      block = null;
    } else if (ITEM.test(line)) {
      if (block?.kind === "list") block.lines.push(line);
      else begin("list", line);
    } else if (block) {
      block.lines.push(line);
    } else {
      begin("paragraph", line);
    }
  }
  return found;
}

const BUILD = {
  paragraph: ({ lines }) => element("p", lines.join("\n")),
  heading: ({ lines }) => element("h3", HEADING.exec(lines[0])[1]),
  code({ lines }) {
    const box = document.createElement("pre");
    const code = document.createElement("code");
    box.tabIndex = 0; // so that the keyboard can scroll it
    code.textContent = lines.join("\n");
    box.append(code);
    return box;
  },
  list({ lines }) {
    const numbered = /\d/.test(ITEM.exec(lines[0])[2]);
    const list = document.createElement(numbered ? "ol" : "ul");
    for (const line of lines) {
      const [, indent, marker, said] = ITEM.exec(line) ?? [];
      if (marker) list.append(item(indent, marker, said));
      else list.lastElementChild.append("\n", ...inline(line.trim()));
    }
    return list;
  },
};

function item(indent, marker, said) {
  const made = element("li", said);
  if (/\d/.test(marker)) made.value = parseInt(marker, 10);
  else made.classList.add("dot");
  if (indent.length > 1) made.classList.add(indent.length > 4 ? "deepest" : "deeper");
  return made;
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.append(...inline(text));
  return made;
}

function inline(text) {
  return text.split(INLINE).map((part, i) => {
    if (i % 2 === 0) return part;
    if (part.startsWith("`")) return Object.assign(document.createElement("code"), { textContent: part.slice(1, -1) });
    return part.startsWith("**") ? element("strong", part.slice(2, -2)) : element("em", part.slice(1, -1));
  });
}
