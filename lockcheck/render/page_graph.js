// The lock graph: what is shown is chosen here and laid out here, each time again.
// The picture in the page (without a script) is the first choice: what is in findings, and around it.
(function () {
  const box = one('#graph .picture'), facts = data('facts');
  if (!box || !facts) return;
  const SVG = 'http://www.w3.org/2000/svg', HEIGHT = 30, LAYER = 78, GAP = 26, CHAR = 7.1, WIDE = 1500;
  const about = one('#about'), search = one('#graph input[type=search]'), what = one('#what'),
    limit = one('#limit'), modules = one('#modules'), far = one('#far'), count = one('#graph .count');
  const classes = facts.classes.map((c, id) => ({id, name: c[0], lines: c[1], heat: c[2], module: c[3], bad: false, out: [], into: []}));
  const edges = facts.edges.map(e => ({a: e[0], b: e[1], kinds: e[2], count: e[3], near: e[4], bad: false}));
  facts.bad.forEach(at => { edges[at].bad = true; classes[edges[at].a].bad = true; classes[edges[at].b].bad = true; });
  edges.forEach(e => { classes[e.a].out.push(e); classes[e.b].into.push(e); });
  const linked = classes.filter(c => c.out.length || c.into.length);
  let picked = null, only = null, zoom = 1, size = [1, 1];

  function around(c) { return [...c.out.map(e => e.b), ...c.into.map(e => e.a)]; }
  function chosen() {          // ids of the classes to show, the most important first
    const words = search.value.toLowerCase().trim(), most = +limit.value;
    const rank = ids => [...ids].sort((x, y) => classes[y].bad - classes[x].bad || classes[y].heat - classes[x].heat
      || around(classes[y]).length - around(classes[x]).length || x - y);
    let core;
    if (only) core = only;
    else if (picked !== null) core = [picked];
    else if (words) core = rank(linked.filter(c => c.name.toLowerCase().includes(words)).map(c => c.id));
    else if (what.value === 'findings') core = rank(linked.filter(c => c.bad).map(c => c.id));
    else return rank(linked.map(c => c.id)).slice(0, most);
    const ids = new Set(core.slice(0, most));
    const next = new Set();
    ids.forEach(id => around(classes[id]).forEach(n => { if (!ids.has(n)) next.add(n); }));
    for (const id of rank(next)) { if (ids.size >= most) break; ids.add(id); }
    return [...ids];
  }

  function view() {            // nodes and links to draw; a module may stand for its classes
    const nodes = new Map(), links = new Map(), ids = modules.checked && picked === null && !search.value ? linked.map(c => c.id) : chosen();
    const key = id => modules.checked && picked === null && !search.value ? 'm' + classes[id].module : id;
    const inside = new Set(ids);
    ids.forEach(id => {
      const c = classes[id], k = key(id);
      const node = nodes.get(k) || {key: k, ids: [], name: k === id ? c.name : facts.modules[c.module], bad: false, heat: 0};
      node.ids.push(id); node.bad = node.bad || c.bad; node.heat += c.heat;
      nodes.set(k, node);
    });
    edges.forEach(e => {
      if (!inside.has(e.a) || !inside.has(e.b) || !(e.near || e.bad || far.checked)) return;
      const a = key(e.a), b = key(e.b), id = a + '>' + b;
      if (a === b && a !== e.a) return;          // inside a module
      const link = links.get(id) || {a, b, kinds: e.kinds, count: 0, bad: false};
      link.count += e.count; link.bad = link.bad || e.bad;
      links.set(id, link);
    });
    nodes.forEach(n => {
      n.label = n.ids.length > 1 ? n.name + ' (' + n.ids.length + ')' : n.name;
      if (n.label.length > 34) n.label = '…' + n.label.slice(-33);
      n.width = CHAR * n.label.length + 22;
    });
    return {nodes: [...nodes.values()], links: [...links.values()], of: linked.length, shown: ids.length};
  }

  function layered(nodes, links) {   // Sugiyama's steps, as in layout.py
    const at = new Map(nodes.map(n => [n.key, n])), out = new Map(nodes.map(n => [n.key, []])), missing = new Map(nodes.map(n => [n.key, 0]));
    const order = [...nodes].sort((a, b) => a.name < b.name ? -1 : 1), state = new Map(), forward = [];
    const raw = new Map(nodes.map(n => [n.key, []]));
    const entering = new Map(nodes.map(n => [n.key, 0]));
    links.forEach(l => { if (l.a !== l.b) { raw.get(l.a).push(l); entering.set(l.b, entering.get(l.b) + 1); } });
    order.sort((a, b) => (entering.get(a.key) > 0) - (entering.get(b.key) > 0));
    order.forEach(root => {
      if (state.has(root.key)) return;
      const stack = [[root.key, 0]];
      state.set(root.key, 1);
      while (stack.length) {
        const top = stack[stack.length - 1], list = raw.get(top[0]);
        if (top[1] >= list.length) { state.set(top[0], 2); stack.pop(); continue; }
        const l = list[top[1]++], seen = state.get(l.b);
        l.back = seen === 1;
        if (!seen) { state.set(l.b, 1); stack.push([l.b, 0]); }
        forward.push(l);
      }
    });
    forward.forEach(l => { const [a, b] = l.back ? [l.b, l.a] : [l.a, l.b]; out.get(a).push(b); missing.set(b, missing.get(b) + 1); });
    const lowest = new Map(nodes.map(n => [n.key, 0])), used = [];
    let ready = order.filter(n => !missing.get(n.key) && out.get(n.key).length);
    const place = (n, level) => { while (used[level] && used[level] + n.width > WIDE) level++; used[level] = (used[level] || 0) + n.width + GAP; n.layer = level; };
    while (ready.length) {
      const n = ready.shift();
      place(n, lowest.get(n.key));
      out.get(n.key).forEach(k => {
        lowest.set(k, Math.max(lowest.get(k), n.layer + 1));
        missing.set(k, missing.get(k) - 1);
        if (!missing.get(k)) ready.push(at.get(k));
      });
    }
    const first = used.length;
    order.forEach(n => { if (n.layer === undefined) place(n, first); });
    const rows = [], above = new Map(), below = new Map();
    const join = (map, from, to) => { if (!map.has(from)) map.set(from, []); map.get(from).push(to); };
    order.forEach(n => { (rows[n.layer] = rows[n.layer] || []).push(n); n.slot = n.width + GAP; });
    const dummies = forward.length <= 500;
    forward.forEach(l => {
      let [from, to] = (l.back ? [l.b, l.a] : [l.a, l.b]).map(k => at.get(k));
      l.path = [from];
      for (let level = from.layer + 1; dummies && level < to.layer; level++) { const d = {width: 2, slot: 8, layer: level}; rows[level].push(d); l.path.push(d); }
      l.path.push(to);
      for (let i = 0; i + 1 < l.path.length; i++) { join(below, l.path[i], l.path[i + 1]); join(above, l.path[i + 1], l.path[i]); }
    });
    const full = rows.filter(Boolean);
    for (let sweep = 0; sweep < 8; sweep++) {
      const map = sweep % 2 ? below : above, position = new Map();
      full.forEach(row => row.forEach((n, i) => position.set(n, i)));
      (sweep % 2 ? [...full].reverse() : full).forEach(row => {
        const middle = new Map(row.map((n, i) => { const ns = map.get(n); return [n, ns ? ns.reduce((s, m) => s + position.get(m), 0) / ns.length : i]; }));
        row.sort((a, b) => middle.get(a) - middle.get(b));
        row.forEach((n, i) => position.set(n, i));
      });
    }
    let widest = 0;
    full.forEach(row => { let x = 0; row.forEach(n => { n.x = x + n.slot / 2; x += n.slot; }); widest = Math.max(widest, x); });
    for (let sweep = 0; sweep < 16; sweep++) {
      const map = sweep % 2 ? below : above;
      (sweep % 2 ? [...full].reverse() : full).forEach(row => {
        let before = 0, after = row.reduce((s, n) => s + n.slot, 0);
        const wish = row.map(n => {
          const ns = map.get(n), x = ns ? ns.reduce((s, m) => s + m.x, 0) / ns.length : n.x;
          const w = Math.min(Math.max(x, before + n.slot / 2), widest - after + n.slot / 2);
          before += n.slot; after -= n.slot;
          return w;
        });
        const left = [...wish], right = [...wish];
        for (let i = 1; i < row.length; i++) left[i] = Math.max(left[i], left[i - 1] + (row[i - 1].slot + row[i].slot) / 2);
        for (let i = row.length - 2; i >= 0; i--) right[i] = Math.min(right[i], right[i + 1] - (row[i + 1].slot + row[i].slot) / 2);
        row.forEach((n, i) => { n.x = (left[i] + right[i]) / 2; });
      });
    }
    full.forEach((row, i) => row.forEach(n => { n.y = i * LAYER + HEIGHT; }));
    let least = 0, most = 0;
    full.forEach(row => row.forEach(n => { least = Math.min(least, n.x - n.width / 2); most = Math.max(most, n.x + n.width / 2); }));
    full.forEach(row => row.forEach(n => { n.x += GAP - least; }));
    return [most - least + 3 * GAP, full.length * LAYER + HEIGHT];
  }

  function el(tag, attributes, at) {
    const e = document.createElementNS(SVG, tag);
    for (const k in attributes) e.setAttribute(k, attributes[k]);
    if (at) at.append(e);
    return e;
  }
  function draw() {
    const {nodes, links, of, shown} = view();
    count.textContent = shown + ' of ' + of + ' classes';
    if (!nodes.length) { box.replaceChildren(make('p', 'No class fits.')); return; }
    size = layered(nodes, links);
    const svg = el('svg', {id: 'lockgraph', role: 'img', 'aria-label': 'lock dependency graph', viewBox: '0 0 ' + size.map(Math.round).join(' ')});
    const defs = el('defs', {}, svg);
    ['arrow', 'arrow-bad'].forEach(name => {
      const m = el('marker', {id: name, viewBox: '0 0 8 8', refX: 7.5, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto', markerUnits: 'userSpaceOnUse'}, defs);
      el('path', {d: 'M0 0L8 4L0 8z', class: name}, m);
    });
    const pairs = new Set(links.map(l => l.a + '>' + l.b)), byKey = new Map(nodes.map(n => [n.key, n]));
    links.forEach(l => {
      let d;
      if (l.a === l.b) { const n = byKey.get(l.a), x = n.x + n.width / 2; d = `M${x} ${n.y - 6}c26 -14 26 26 0 12`; }
      else {
        const path = l.back ? [...l.path].reverse() : l.path, down = path[0].y < path[path.length - 1].y;
        const side = pairs.has(l.b + '>' + l.a) ? (down ? -14 : 14) : 0;   // two arrows, not one with two heads
        const rim = (down ? 1 : -1) * HEIGHT / 2;
        const points = path.map((p, i) => [p.x + side, p.y + (i ? i === path.length - 1 ? -rim : 0 : rim)]);
        d = `M${points[0][0]} ${points[0][1]}`;
        for (let i = 1; i < points.length; i++) {
          const [x, y] = points[i - 1], [nx, ny] = points[i], bend = (ny - y) / 2;
          d += `C${x + side} ${y + bend} ${nx + side} ${ny - bend} ${nx} ${ny}`;
        }
      }
      const p = el('path', {class: 'edge' + (l.bad ? ' bad' : ''), d, 'marker-end': 'url(#arrow' + (l.bad ? '-bad' : '') + ')'}, svg);
      p.link = l;
      el('title', {}, p).textContent = byKey.get(l.a).name + ' → ' + byKey.get(l.b).name + ' (' + l.kinds + ', seen ' + l.count + ' times)';
    });
    nodes.forEach(n => {
      const words = search.value.toLowerCase().trim();
      const hit = words && n.name.toLowerCase().includes(words);
      const g = el('g', {class: 'node' + (n.bad ? ' bad' : '') + (hit ? ' hit' : '') + (n.ids[0] === picked && n.ids.length === 1 ? ' picked' : ''), tabindex: 0, role: 'button'}, svg);
      el('title', {}, g).textContent = n.ids.length > 1 ? n.ids.map(i => classes[i].name).slice(0, 30).join('\n') : [n.name, ...classes[n.ids[0]].lines].join('\n');
      el('rect', {x: n.x - n.width / 2, y: n.y - HEIGHT / 2, width: n.width, height: HEIGHT, rx: 5}, g);
      el('text', {x: n.x, y: n.y + 4}, g).textContent = n.label;
      g.addEventListener('click', () => pick(n));
      g.addEventListener('keydown', e => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); pick(n); } });
      const light = on => all('.edge', svg).forEach(p => p.classList.toggle('lit', on && (p.link.a === n.key || p.link.b === n.key)));
      g.addEventListener('mouseenter', () => light(true)); g.addEventListener('mouseleave', () => light(false));
    });
    box.replaceChildren(svg);
    fit();
  }
  function pick(n) {
    if (n.ids.length > 1) { only = n.ids; picked = null; modules.checked = false; }
    else { picked = picked === n.ids[0] ? null : n.ids[0]; only = null; }
    describe(); draw();
  }
  function describe() {
    about.replaceChildren();
    if (picked === null) {
      about.textContent = only ? 'Only what was chosen is shown. ' : 'Select a class to see where it is made, what depends on it, and only its neighbours.';
    } else {
      const c = classes[picked];
      make('h2', c.name, about).className = 'mono';
      c.lines.forEach(line => make('div', line, about));
      const cards = facts.cards[picked] || [];
      if (cards.length) make('h3', 'in findings', about);
      cards.forEach(id => { const a = make('a', 'finding ' + id, about); a.href = '#finding-' + id; a.className = 'inline'; });
      [['taken while it is held', c.out.map(e => e.b)], ['held while it is taken', c.into.map(e => e.a)]].forEach(([title, list]) => {
        make('h3', title + ' (' + list.length + ')', about);
        const ul = make('ul', undefined, about);
        list.slice(0, 40).forEach(id => {
          const b = make('button', classes[id].name, make('li', undefined, ul));
          b.className = 'link';
          b.addEventListener('click', () => { picked = id; only = null; describe(); draw(); });
        });
        if (list.length > 40) make('li', '… ' + (list.length - 40) + ' more', ul);
      });
    }
    if (picked !== null || only) {
      const b = make('button', 'show all again', about);
      b.addEventListener('click', () => { picked = only = null; describe(); draw(); });
    }
  }
  function scale(to) {
    zoom = Math.min(4, Math.max(.05, to));
    const svg = one('svg', box);
    if (svg) { svg.setAttribute('width', size[0] * zoom); svg.setAttribute('height', size[1] * zoom); }
  }
  function fit() { scale(Math.min(1, (box.clientWidth - 4) / size[0], Math.max(260, innerHeight * .7) / size[1])); }
  all('#graph [data-zoom]').forEach(b => b.addEventListener('click', () => b.dataset.zoom === 'fit' ? fit() : scale(zoom * +b.dataset.zoom)));
  box.addEventListener('wheel', e => {
    if (!e.ctrlKey && !e.shiftKey) return;
    e.preventDefault();
    const at = box.getBoundingClientRect(), x = e.clientX - at.left, y = e.clientY - at.top, was = zoom;
    scale(zoom * (e.deltaY > 0 ? .8 : 1.25));
    box.scrollLeft = (box.scrollLeft + x) * zoom / was - x; box.scrollTop = (box.scrollTop + y) * zoom / was - y;
  }, {passive: false});
  [search, what, limit, modules, far].forEach(f => f.addEventListener('input', () => { picked = only = null; describe(); draw(); }));
  let drawn = false;
  arrived.graph = rest => {
    if (rest) {
      const id = rest.replace('finding-', '');
      only = Object.keys(facts.cards).filter(c => facts.cards[c].includes(+id)).map(Number);
      if (!only.length) only = null;
      picked = null; describe();
    }
    if (rest || !drawn) { drawn = true; draw(); }
  };
  addEventListener('resize', () => { if (drawn) fit(); });
  describe();
})();
