// The recording as a row of steps. A step is a node recorded, or the begin, a visit or the end of a walk;
// what a walk with create_graph appends belongs to the visit that appended it.

const RECORD = 0;
const BEGIN = 1;
const VISIT = 2;
const END = 3;

function readTape(data) {
  const {nodes, walks = [], tensors, seconds} = data.tape;
  const kind = [];
  const place = [];  // the node of a RECORD, the number of a VISIT
  const walk = [];   // -1 for a RECORD
  const bytes = [];
  const time = [];
  const nodesAt = [];  // how many nodes exist after the step
  const recordedAt = new Int32Array(nodes.length);
  const appendedBy = new Int32Array(nodes.length).fill(-1);
  const freedAt = new Int32Array(nodes.length).fill(-1);
  const beginOf = [];
  let recorded = 0;

  const add = (what, where, inWalk, from) => {
    kind.push(what);
    place.push(where);
    walk.push(inWalk);
    bytes.push(from.bytes ?? bytes[bytes.length - 1] ?? 0);
    time.push(from.seconds ?? 0);
    nodesAt.push(recorded);
  };
  const record = (until) => {
    while (recorded < until) {
      recordedAt[recorded] = kind.length;
      const number = recorded++;
      add(RECORD, number, -1, nodes[number]);
    }
  };
  walks.forEach((each, w) => {
    record(each.first_node);
    beginOf.push(kind.length);
    add(BEGIN, -1, w, {});
    each.visits.forEach((visit, v) => {
      for (; recorded < Math.min(visit.nodes ?? 0, nodes.length); ++recorded) {
        recordedAt[recorded] = kind.length;
        appendedBy[recorded] = w;
      }
      if (visit.freed) freedAt[visit.node] = kind.length;
      add(VISIT, v, w, visit);
    });
    add(END, -1, w, {});
  });
  record(nodes.length);

  return {
    title: data.title ?? "Tape",
    ops: data.ops ?? {},
    curves: data.curves ?? [],
    nodes,
    walks,
    tensors,
    seconds,
    steps: kind.length,
    kind: Uint8Array.from(kind),
    place: Int32Array.from(place),
    walk: Int32Array.from(walk),
    bytes: Float64Array.from(bytes),
    time: Float64Array.from(time),
    nodesAt: Int32Array.from(nodesAt),
    recordedAt,
    appendedBy,
    freedAt,
    beginOf,
    walkIndices: new Map(),
  };
}

// The node that a step is about.
function nodeOfStep(model, step) {
  if (model.kind[step] === RECORD) return model.place[step];
  const walk = model.walks[model.walk[step]];
  return model.kind[step] === VISIT ? walk.visits[model.place[step]].node : walk.node;
}

function visitOfStep(model, step) {
  return model.kind[step] === VISIT ? model.walks[model.walk[step]].visits[model.place[step]] : null;
}

// The nodes that a step put on the tape: [from, to).
function appendedAt(model, step) { return [step === 0 ? 0 : model.nodesAt[step - 1], model.nodesAt[step]]; }

// The step of a walk that deals with a node: its visit, or the end, at which a leaf gets its gradient.
function stepOfNodeIn(model, w, number) {
  const visit = indexOfWalk(model, w).visitOf[number];
  if (visit >= 0) return model.beginOf[w] + 1 + visit;
  const end = model.beginOf[w] + 1 + model.walks[w].visits.length;
  return model.walks[w].gradients?.some((gradient) => gradient.node === number) ? end : -1;
}

// Who writes to whose slot in a walk: the contributions to node n are entries first[n] to first[n + 1] - 1,
// in order of the visits. Built at the first look at a walk; there may be one for each row of a Jacobian, so
// only the last few stay.
function indexOfWalk(model, w) {
  const known = model.walkIndices.get(w);
  if (known) return known;
  const count = model.nodes.length;
  const visitOf = new Int32Array(count).fill(-1);
  const first = new Int32Array(count + 1);
  const {visits} = model.walks[w];
  visits.forEach((visit, v) => {
    visitOf[visit.node] = v;
    for (const {node} of visit.contributions) ++first[node + 1];
  });
  for (let n = 0; n < count; ++n) first[n + 1] += first[n];
  const next = first.slice();
  const visit = new Int32Array(first[count]);
  const edge = new Int32Array(first[count]);
  visits.forEach(({contributions}, v) => {
    contributions.forEach(({node}, e) => {
      visit[next[node]] = v;
      edge[next[node]++] = e;
    });
  });
  const index = {visitOf, first, visit, edge};
  if (model.walkIndices.size >= 4) model.walkIndices.delete(model.walkIndices.keys().next().value);
  model.walkIndices.set(w, index);
  return index;
}

// The place in "tensors" of an argument, or of a node's value; null if it was recorded on another tape.
function tensorOfInput(model, input) {
  if (input.value !== undefined) return input.value;
  return input.node === null || input.node === undefined ? null : model.nodes[input.node].value;
}

// All elements as numbers (JSON has no NaN and no infinities: those come as text), or null if only a sample
// is there.
function numbersOf(tensor) {
  if (tensor.steps) return null;
  tensor.numbers ??= Float64Array.from(tensor.elements, Number);
  return tensor.numbers;
}

function opName(model, number) { return model.nodes[number].op ?? "leaf"; }
