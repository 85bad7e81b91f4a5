// A place as an address: #n12 is the recording of node 12, #w0 the beginning of walk 0, #w0v3 its visit 3, #w0end
// its end.

function addressOfStep(model, step) {
  const w = model.walk[step];
  switch (model.kind[step]) {
    case RECORD:
      return `#n${model.place[step]}`;
    case BEGIN:
      return `#w${w}`;
    case VISIT:
      return `#w${w}v${model.place[step]}`;
    default:
      return `#w${w}end`;
  }
}

// -1 if the address means nothing on this tape.
function stepOfAddress(model, address) {
  const match = /^#(?:n(\d+)|w(\d+)(?:v(\d+)|(end))?)$/.exec(address);
  if (!match) return -1;
  const [, node, w, visit, end] = match;
  if (node !== undefined) return Number(node) < model.nodes.length ? model.recordedAt[Number(node)] : -1;
  const walk = model.walks[Number(w)];
  if (!walk) return -1;
  const begin = model.beginOf[Number(w)];
  if (end) return begin + walk.visits.length + 1;
  if (visit === undefined) return begin;
  return Number(visit) < walk.visits.length ? begin + 1 + Number(visit) : -1;
}
