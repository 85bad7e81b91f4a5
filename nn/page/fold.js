// The tape as a tree that folds: scopes, and runs of scopes that repeat.

// A group is { name, first, last, children, open, times }: children are numbers of nodes and groups in order;
// times counts the scopes that a run of equal ones joins, and is 0 for a single scope.
function foldTree(model) {
  const root = newGroup("", 0);
  const open = [root];  // from the root to the innermost group
  const paths = pathsOfNodes(model);
  for (let number = 0; number < model.nodes.length; ++number) {
    const path = paths[number];
    let depth = 0;
    while (depth < path.length && depth + 1 < open.length && open[depth + 1].name === path[depth]) ++depth;
    open.length = depth + 1;
    for (; depth < path.length; ++depth) {
      const group = newGroup(path[depth], number);
      open[depth].children.push(group);
      open.push(group);
    }
    open[depth].children.push(number);
    for (const group of open) group.last = number;
  }
  tidy(model, root);
  openSome(root, OPEN_ROWS, model.nodes.length <= OPEN_ROWS);
  return root;
}

function newGroup(name, first) { return {name, first, last: first, children: [], open: false, times: 0}; }

// The names of the groups around each node. A leaf is recorded at its first use, so it belongs where that use
// does.
function pathsOfNodes(model) {
  const known = new Map();
  const paths = new Array(model.nodes.length);
  for (let number = model.nodes.length - 1; number >= 0; --number) {
    const {op, scope} = model.nodes[number];
    const walk = model.appendedBy[number];
    const next = paths[number + 1];
    if (op === null && scope === undefined && next && walk === model.appendedBy[number + 1]) {
      paths[number] = next;
      continue;
    }
    const key = `${walk} ${scope ?? ""}`;
    if (!known.has(key)) {
      known.set(key, [...(walk < 0 ? [] : [`appended by walk ${walk}`]), ...(scope ? segments(scope) : [])]);
    }
    paths[number] = known.get(key);
  }
  return paths;
}

// "blocks.0.attention" is blocks.0 and, in it, attention.
function segments(scope) {
  const parts = [];
  for (const part of scope.split(".")) {
    if (/^\d+$/.test(part) && parts.length > 0)
      parts[parts.length - 1] += `.${part}`;
    else
      parts.push(part);
  }
  return parts;
}

// A scope around a single node needs no row of its own; neighbours with equal ops join to a run.
function tidy(model, group) {
  const children = [];
  let run = null;
  for (const child of group.children) {
    if (typeof child === "number") {
      children.push(child);
      run = null;
      continue;
    }
    if (child.first === child.last) {
      children.push(child.first);
      run = null;
      continue;
    }
    tidy(model, child);
    child.key = `${child.name.replace(/\.\d+$/, "")} ${opsKey(model, child)}`;
    if (run && run.key === child.key && /\.\d+$/.test(child.name)) {
      if (run.times === 0) {
        run = {...newGroup("", run.first), key: run.key, times: 1, children: [run]};
        children[children.length - 1] = run;
      }
      run.children.push(child);
      ++run.times;
      run.last = child.last;
      run.name = `${run.children[0].name} … ${child.name}`;
    } else {
      children.push(child);
      run = child;
    }
  }
  group.children = children;
}

function opsKey(model, group) {
  const ops = [];
  for (let number = group.first; number <= group.last; ++number) {
    if (model.nodes[number].op !== null) ops.push(model.nodes[number].op);
  }
  return ops.join(" ");
}

const OPEN_ROWS = 60;  // the list starts with about as many rows at most

// Opens groups, outer ones first, while at most `rows` rows show; runs only if everything is to be open.
function openSome(root, rows, everything) {
  root.open = true;
  let shown = root.children.length;
  const queue = [root];
  for (let group = queue.shift(); group; group = queue.shift()) {
    for (const child of group.children) {
      if (typeof child === "number" ||
          (!everything && (child.times > 0 || shown + child.children.length > rows)))
        continue;
      child.open = true;
      shown += child.children.length;
      queue.push(child);
    }
  }
}

// Opens all groups around a node.
function unfoldTo(root, number) {
  let group = root;
  while (group) {
    group.open = true;
    group = group.children.find(
        (child) => typeof child !== "number" && child.first <= number && number <= child.last);
  }
}

function groupSize(group) {
  const count = group.last - group.first + 1;
  if (group.times === 0) return counted(count, "node");
  const each = count / group.times;
  const equal = group.children.every((child) => child.last - child.first + 1 === each);
  return equal ? `${group.times} × ${counted(each, "node")}` :
                 `${group.times} scopes, ${counted(count, "node")}`;
}

// What shows, from top to bottom: node[r] is a number, or -1 - g for the row of groups[g]. rowOf[n] is the
// row that stands for node n, its own or that of the outermost folded group around it.
function layoutRows(model, root) {
  const node = [];
  const depth = [];
  const groups = [];
  const rowOf = new Int32Array(model.nodes.length);
  const place = (children, level) => {
    for (const child of children) {
      if (typeof child === "number") {
        rowOf[child] = node.length;
        node.push(child);
        depth.push(level);
        continue;
      }
      if (!child.open) rowOf.fill(node.length, child.first, child.last + 1);
      groups.push(child);
      node.push(-groups.length);
      depth.push(level);
      if (child.open) place(child.children, level + 1);
    }
  };
  place(root.children, 0);
  return {node, depth, groups, rowOf, count: node.length};
}

function groupOfRow(rows, row) { return rows.node[row] < 0 ? rows.groups[-1 - rows.node[row]] : null; }
