// What stands in the slot of a node's cotangent at a step: a pure function of the step.

// null outside a walk. Else { state, filled, expected, tensor }, with the state
//   none       this walk brings the node nothing
//   empty      nothing has come yet
//   partial    `filled` of `expected` contributions are summed
//   complete   the sum is complete, and waits for the visit
//   now        this step's visit has taken it
//   taken      an earlier visit has taken it
//   gradient   the walk is over, and this is what it hands out
function slotAt(model, step, number) {
  const w = model.walk[step];
  if (w < 0) return null;
  const walk = model.walks[w];
  const index = indexOfWalk(model, w);
  const now = visitNumber(model, step);
  const seeds = number === walk.node ? 1 : 0;
  const from = index.first[number];
  const arrived = countUntil(index.visit, from, index.first[number + 1], now);
  const filled = arrived + seeds;
  const expected = index.first[number + 1] - from + seeds;
  const tensor = arrived > 0 ? contributionAt(walk, index, from + arrived - 1).total :
      seeds                  ? walk.cotangent :
                               null;
  if (model.kind[step] === END) {
    const gradient = walk.gradients?.find((each) => each.node === number);
    if (gradient) return {state: "gradient", filled, expected, tensor: gradient.value};
  }
  return {state: slotState(filled, expected, now, index.visitOf[number]), filled, expected, tensor};
}

function slotState(filled, expected, now, visit) {
  if (expected === 0) return "none";
  if (visit >= 0 && now > visit) return "taken";
  if (visit >= 0 && now === visit) return "now";
  if (filled === 0) return "empty";
  return filled < expected ? "partial" : "complete";
}

// -1 at the beginning of a walk; beyond the last visit at its end.
function visitNumber(model, step) {
  if (model.kind[step] === VISIT) return model.place[step];
  return model.kind[step] === BEGIN ? -1 : model.walks[model.walk[step]].visits.length;
}

// How many of visits[from .. to), which ascend, are at most `now`.
function countUntil(visits, from, to, now) {
  let low = from;
  while (low < to) {
    const middle = (low + to) >> 1;
    if (visits[middle] <= now)
      low = middle + 1;
    else
      to = middle;
  }
  return low - from;
}

function contributionAt(walk, index, entry) {
  return walk.visits[index.visit[entry]].contributions[index.edge[entry]];
}

// The parts of a node's cotangent in a walk, in the order in which they were added.
function partsOfSlot(model, w, number) {
  const walk = model.walks[w];
  const index = indexOfWalk(model, w);
  const parts = [];
  if (number === walk.node) parts.push({from: null, value: walk.cotangent});
  for (let entry = index.first[number]; entry < index.first[number + 1]; ++entry) {
    const {argument, value} = contributionAt(walk, index, entry);
    parts.push({from: walk.visits[index.visit[entry]].node, argument, value});
  }
  return parts;
}

// Where contribution e of a visit stands in the sum of its slot: `before` (null for the first), and how many
// of how many parts the slot has after it.
function additionAt(model, w, v, e) {
  const walk = model.walks[w];
  const index = indexOfWalk(model, w);
  const {node} = walk.visits[v].contributions[e];
  const seeds = node === walk.node ? 1 : 0;
  const from = index.first[node];
  let entry = from;
  while (index.visit[entry] !== v || index.edge[entry] !== e) ++entry;
  const before = entry > from ? contributionAt(walk, index, entry - 1).total : seeds ? walk.cotangent : null;
  return {before, filled: entry - from + 1 + seeds, expected: index.first[node + 1] - from + seeds};
}

function slotWords(slot) {
  switch (slot.state) {
    case "none":
      return "";
    case "empty":
      return `slot empty, ${slot.expected} to come`;
    case "partial":
      return `slot has ${slot.filled} of ${slot.expected}`;
    case "complete":
      return "slot complete";
    case "now":
      return "cotangent in use";
    case "taken":
      return "cotangent used up";
    default:
      return "gradient";
  }
}
