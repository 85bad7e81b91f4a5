// The pages of ops: headings, paragraphs, lists, tables, code. Everything else is shown as the text it is.

function renderMarkdown(text) {
  const lines = text.split("\n");
  const blocks = [];
  let at = 0;
  const until = (end) => {
    const taken = [];
    while (at < lines.length && !end(lines[at])) taken.push(lines[at++]);
    return taken;
  };
  while (at < lines.length) {
    const line = lines[at];
    const heading = /^(#{1,6}) (.*)/.exec(line);
    if (line.trim() === "") {
      ++at;
    } else if (line.startsWith("```")) {
      ++at;
      blocks.push(
          el("pre", {tabindex: "0"}, el("code", {}, until((each) => each.startsWith("```")).join("\n"))));
      ++at;
    } else if (heading) {
      ++at;
      blocks.push(el(`h${Math.min(6, heading[1].length + 1)}`, {}, inline(heading[2])));
    } else if (line.startsWith("|")) {
      blocks.push(markdownTable(until((each) => !each.startsWith("|"))));
    } else if (line.startsWith("- ")) {
      const items = until((each) => each.trim() === "").join("\n").split(/^- /m).slice(1);
      blocks.push(el("ul", {}, items.map((item) => el("li", {}, inline(item)))));
    } else {
      blocks.push(el(
          "p", {}, inline(until((each) => each.trim() === "" || /^(```|#{1,6} |\|)/.test(each)).join(" "))));
    }
  }
  return blocks;
}

function markdownTable(lines) {
  const cells = (line) => line.replace(/^\||\|\s*$/g, "").split("|").map((cell) => inline(cell.trim()));
  const [head, rule, ...body] = lines;
  const rows = (rule && /^\|[\s:|-]+$/.test(rule) ? body : lines.slice(1));
  return el(
      "div", {class: "scroll", tabindex: "0", role: "group", "aria-label": "table"},
      el("table", {},
         el("thead", {}, el("tr", {}, cells(head).map((cell) => el("th", {scope: "col"}, cell)))),
         el("tbody", {}, rows.map((row) => el("tr", {}, cells(row).map((cell) => el("td", {}, cell)))))));
}

// `code`, **bold**, *emphasis*; of a [link](somewhere) its text, as the page stands alone.
function inline(text) {
  const parts = [];
  const pattern = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\([^)]*\)/g;
  let from = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    parts.push(text.slice(from, match.index));
    const [, code, bold, emphasis, link] = match;
    if (code !== undefined)
      parts.push(el("code", {}, code));
    else if (bold !== undefined)
      parts.push(el("b", {}, inline(bold)));
    else if (emphasis !== undefined)
      parts.push(el("em", {}, inline(emphasis)));
    else
      parts.push(...inline(link));
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}
