// The report page: tabs, tables that sort and filter, the graph, the time line.
// Plain JavaScript, no library, no request.  All content is in the page without it, but for the
// time line, which is drawn from the data embedded as JSON.
document.body.classList.add('js');
const all = (q, at) => Array.from((at || document).querySelectorAll(q));
const one = (q, at) => (at || document).querySelector(q);
function show(id) {
  if (!document.getElementById(id)) id = one('section').id;
  all('section').forEach(s => s.classList.toggle('on', s.id === id));
  all('nav a').forEach(a => a.classList.toggle('on', a.hash === '#' + id));
  if (id === 'timeline' && window.drawTimeline) drawTimeline();
  scrollTo(0, 0);
}
addEventListener('hashchange', () => show(location.hash.slice(1)));
// The browser goes to the anchor when it has loaded; the heading of the page is above it.
addEventListener('load', () => setTimeout(() => scrollTo(0, 0)));

// Tables: a click on a head sorts, the search field above filters.
all('table.data').forEach(table => {
  const body = table.tBodies[0];
  all('th', table).forEach((th, at) => th.addEventListener('click', () => {
    const down = th.getAttribute('aria-sort') === 'ascending';
    all('th', table).forEach(o => o.removeAttribute('aria-sort'));
    th.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const value = row => row.cells[at].dataset.value || row.cells[at].textContent;
    const number = th.classList.contains('num');
    Array.from(body.rows).sort((a, b) => {
      const x = value(a), y = value(b);
      return (number ? x - y : x.localeCompare(y)) * (down ? -1 : 1);
    }).forEach(row => body.append(row));
  }));
});
function filter(section) {
  const words = (one('input[type=search]', section) || {value: ''}).value.toLowerCase().split(/\s+/);
  const severity = (one('select', section) || {value: ''}).value;
  let shown = 0;
  all('.filtered', section).forEach(item => {
    const text = item.textContent.toLowerCase();
    const ok = words.every(w => text.includes(w)) && (!severity || item.dataset.severity === severity);
    item.classList.toggle('gone', !ok);
    shown += ok;
  });
  const count = one('.count', section);
  if (count) count.textContent = shown + ' shown';
}
all('section').forEach(section => all('input[type=search], select', section).forEach(
  field => section.id !== 'graph' && field.addEventListener('input', () => filter(section))));

// The lock graph: search, filter to findings or to a class's neighbourhood, zoom.
(function () {
  const svg = document.getElementById('lockgraph');
  if (!svg) return;
  const nodes = all('.node', svg), edges = all('.edge', svg), about = document.getElementById('about');
  const facts = JSON.parse(document.getElementById('facts').textContent);
  const width = +svg.getAttribute('width'), height = +svg.getAttribute('height');
  let picked = null, zoom = 1;
  function update() {
    const words = one('#graph input[type=search]').value.toLowerCase().trim();
    const only = one('#onlybad').checked, near = one('#near').checked;
    const keep = new Set();
    nodes.forEach(n => {
      const name = n.dataset.name, hit = words && name.toLowerCase().includes(words);
      n.classList.toggle('hit', !!hit);
      n.classList.toggle('picked', name === picked);
      const around = picked && edges.some(e => (e.dataset.from === picked && e.dataset.to === name)
        || (e.dataset.to === picked && e.dataset.from === name));
      let ok = true;
      if (words) ok = hit || (near && edges.some(e =>
        (e.dataset.from === name && e.dataset.to.toLowerCase().includes(words)) ||
        (e.dataset.to === name && e.dataset.from.toLowerCase().includes(words))));
      if (picked) ok = name === picked || around;
      if (only && !n.classList.contains('bad')) ok = false;
      n.classList.toggle('faded', !ok);
      if (ok) keep.add(name);
    });
    edges.forEach(e => {
      const ends = keep.has(e.dataset.from) && keep.has(e.dataset.to);
      const mine = picked && (e.dataset.from === picked || e.dataset.to === picked);
      e.classList.toggle('lit', !!mine);
      e.classList.toggle('faded', !ends || (!!picked && !mine) || (only && !e.classList.contains('bad')));
    });
    one('#graph .count').textContent = keep.size + ' of ' + nodes.length + ' classes';
  }
  function tell() {
    about.replaceChildren();
    if (!picked) { about.textContent = 'Select a class to see where it is made and what it depends on.'; return; }
    const add = (tag, text, at) => { const e = document.createElement(tag); e.textContent = text; (at || about).append(e); return e; };
    add('h2', picked).className = 'mono';
    const fact = facts[picked] || {lines: [], after: [], before: []};
    fact.lines.forEach(line => add('div', line));
    [['taken while it is held', fact.after], ['held while it is taken', fact.before]].forEach(([title, list]) => {
      add('h3', title + ' (' + list.length + ')');
      const ul = add('ul', '');
      list.forEach(name => { const li = add('li', '', ul), link = add('a', name, li);
        link.href = '#graph'; link.addEventListener('click', ev => { ev.preventDefault(); pick(name); }); });
    });
  }
  function pick(name) { picked = picked === name ? null : name; tell(); update(); }
  nodes.forEach(n => {
    n.addEventListener('click', () => pick(n.dataset.name));
    n.addEventListener('keydown', e => { if (e.key === 'Enter') pick(n.dataset.name); });
  });
  all('#graph input').forEach(i => i.addEventListener('input', update));
  one('#graph input[type=search]').addEventListener('change', () => {
    const hit = one('.node.hit', svg);
    if (hit) hit.scrollIntoView({block: 'center', inline: 'center'});
  });
  function scale(to) {
    zoom = Math.min(4, Math.max(.15, to));
    svg.setAttribute('width', width * zoom); svg.setAttribute('height', height * zoom);
  }
  all('#graph [data-zoom]').forEach(b => b.addEventListener('click', () => {
    const box = svg.parentNode;
    scale(b.dataset.zoom === 'fit' ? Math.min(1, box.clientWidth / width, 700 / height) : zoom * +b.dataset.zoom);
  }));
  tell(); update();
})();

// The time line: a row a thread; holds as blue slices stacked by nesting, waits in orange.
(function () {
  const holder = document.getElementById('spans');
  if (!holder) return;
  const data = JSON.parse(holder.textContent), canvas = one('#timeline canvas'), tip = one('#tip');
  const LEFT = 190, LANE = 11, PAD = 8;
  const seen = new Set(data.spans.map(s => s.thread));
  const threads = data.threads.filter(t => seen.has(t.serial));
  const rows = threads.map(t => ({name: t.name, spans: [], lanes: 1}));
  const index = new Map(threads.map((t, i) => [t.serial, i]));
  let end = 0;
  data.spans.forEach(s => {
    end = Math.max(end, s.to);
    const row = rows[index.get(s.thread)];
    if (row) row.spans.push(s);
  });
  rows.forEach(row => {       // a lane for each depth of nesting
    const free = [];
    row.spans.sort((a, b) => a.from - b.from || b.to - a.to);
    row.spans.forEach(s => {
      let lane = free.findIndex(t => t <= s.from);
      if (lane < 0) lane = free.length;
      free[lane] = s.to; s.lane = lane;
    });
    row.lanes = Math.max(1, free.length);
  });
  let top = PAD;
  rows.forEach(row => { row.top = top; top += row.lanes * LANE + PAD; });
  const height = top + 24;
  const begin = Math.min(...data.spans.filter(s => s.kind === 'hold').map(s => s.from), end);
  let from = data.cut ? begin : 0, to = end || 1, hits = [];
  function unit(t) { return t >= 1 ? t.toFixed(3) + ' s' : t >= 1e-3 ? (t * 1e3).toFixed(3) + ' ms' : (t * 1e6).toFixed(1) + ' µs'; }
  window.drawTimeline = function () {
    const ratio = devicePixelRatio || 1, width = canvas.clientWidth;
    if (!width) return;
    canvas.width = width * ratio; canvas.height = height * ratio; canvas.style.height = height + 'px';
    const c = canvas.getContext('2d'), css = getComputedStyle(document.body);
    const colour = name => css.getPropertyValue(name);
    const x = t => LEFT + (t - from) / (to - from) * (width - LEFT - 10);
    c.scale(ratio, ratio); c.clearRect(0, 0, width, height);
    c.font = '11px sans-serif'; c.textBaseline = 'top'; hits = [];
    rows.forEach((row, i) => {
      if (i % 2) { c.fillStyle = colour('--code'); c.fillRect(0, row.top - PAD / 2, width, row.lanes * LANE + PAD); }
      c.fillStyle = colour('--ink');
      c.fillText(row.name.length > 28 ? row.name.slice(0, 27) + '…' : row.name, 8, row.top - 1, LEFT - 14);
      row.spans.forEach(s => {
        if (s.to < from || s.from > to) return;
        const a = Math.max(LEFT, x(s.from)), b = Math.min(width - 8, x(s.to)), y = row.top + s.lane * LANE;
        const w = Math.max(1, b - a);
        c.fillStyle = colour(s.kind === 'hold' ? '--hold' : s.kind === 'wait' ? '--wait' : '--line'); c.fillRect(a, y, w, LANE - 2);
        if (w > 50) { c.fillStyle = s.kind === 'idle' ? colour('--dim') : '#fff'; c.save(); c.beginPath(); c.rect(a, y, w, LANE); c.clip();
          c.font = '9px sans-serif'; c.fillText(s.name, a + 3, y); c.font = '11px sans-serif'; c.restore(); }
        hits.push([a, y, w, s]);
      });
    });
    c.fillStyle = colour('--dim'); c.strokeStyle = colour('--line');
    for (let k = 0; k <= 5; k++) {
      const t = from + (to - from) * k / 5, at = x(t);
      c.beginPath(); c.moveTo(at, 0); c.lineTo(at, top); c.stroke();
      c.textAlign = k === 5 ? 'right' : k ? 'center' : 'left'; c.fillText(unit(t), at, top + 4); c.textAlign = 'left';
    }
  };
  canvas.addEventListener('mousemove', e => {
    const hit = hits.find(([a, y, w]) => e.offsetX >= a - 1 && e.offsetX <= a + w + 1 && e.offsetY >= y && e.offsetY < y + LANE);
    tip.style.display = hit ? 'block' : 'none';
    if (hit) { const s = hit[3]; tip.textContent = (s.kind === 'hold' ? 'holds ' : s.kind === 'wait' ? 'waits for ' : 'idle, waits for ') + s.name + ', ' +
      unit(s.to - s.from) + (s.open ? ' and still' : '') + ', from ' + unit(s.from);
      tip.style.left = Math.min(innerWidth - 300, e.clientX + 12) + 'px'; tip.style.top = (e.clientY + 14) + 'px'; }
  });
  canvas.addEventListener('mouseleave', () => { tip.style.display = 'none'; });
  function zoom(factor, at) {
    const span = (to - from) * factor;
    from = Math.max(0, at - (at - from) * factor); to = Math.min(end || 1, from + span); drawTimeline();
  }
  canvas.addEventListener('wheel', e => {
    if (!e.ctrlKey && !e.shiftKey) return;
    e.preventDefault();
    const at = from + (e.offsetX - LEFT) / (canvas.clientWidth - LEFT - 10) * (to - from);
    zoom(e.deltaY > 0 ? 1.25 : .8, at);
  }, {passive: false});
  let drag = null;
  canvas.addEventListener('mousedown', e => { drag = [e.clientX, from, to]; });
  addEventListener('mouseup', () => { drag = null; });
  addEventListener('mousemove', e => {
    if (!drag) return;
    const move = (drag[0] - e.clientX) / (canvas.clientWidth - LEFT) * (drag[2] - drag[1]);
    const low = Math.max(0, Math.min(drag[1] + move, (end || 1) - (drag[2] - drag[1])));
    from = low; to = low + drag[2] - drag[1]; drawTimeline();
  });
  all('#timeline [data-zoom]').forEach(b => b.addEventListener('click', () => {
    if (b.dataset.zoom === 'fit') { from = 0; to = end || 1; drawTimeline(); }
    else zoom(+b.dataset.zoom, (from + to) / 2);
  }));
  addEventListener('resize', drawTimeline);
})();
show(location.hash.slice(1));
