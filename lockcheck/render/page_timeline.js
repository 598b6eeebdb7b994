// The time line: a row a thread; holds as blue slices stacked by nesting, waits in orange, steps of
// a controlled run as ticks, and an arrow from whoever woke a thread to the end of its wait.
(function () {
  const line = data('spans');
  if (!line) return;
  const canvas = one('#timeline canvas'), tip = one('#tip'), LANE = 13, PAD = 9, steps = line.axis === 'steps';
  const seen = new Set(line.spans.map(s => s.thread));
  const busy = new Set(line.spans.filter(s => s.kind !== 'idle').map(s => s.thread));
  const threads = line.threads.filter(t => seen.has(t.serial));
  threads.sort((a, b) => busy.has(b.serial) - busy.has(a.serial));     // who only idled comes last
  const rows = threads.map(t => ({serial: t.serial, name: t.name, spans: [], lanes: 1}));
  const index = new Map(threads.map((t, i) => [t.serial, i]));
  let end = 0, begin = Infinity;
  line.spans.forEach(s => {
    end = Math.max(end, s.to);
    if (s.kind !== 'idle') begin = Math.min(begin, s.from);
    const row = rows[index.get(s.thread)];
    if (row) row.spans.push(s);
  });
  rows.forEach(row => {        // a lane for each depth of nesting
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
  const height = top + 26;
  if (!isFinite(begin)) begin = 0;
  let from = begin, to = end > begin ? end : begin + 1, hits = [], pointer = null, marked = null;
  const unit = t => steps ? 'step ' + Math.round(t) : t >= 1 ? t.toFixed(3) + ' s' : t >= 1e-3 ? (t * 1e3).toFixed(3) + ' ms' : (t * 1e6).toFixed(1) + ' µs';
  const length = t => steps ? Math.round(t) + (Math.round(t) === 1 ? ' step' : ' steps') : unit(t);
  function ticks(parts) {      // of the axis: whole steps, or equal parts of the time
    const found = [], stride = Math.max(1, Math.ceil((to - from) / parts));
    if (steps) for (let t = Math.ceil(from); t <= to; t += stride) found.push(t);
    else for (let k = 0; k <= parts; k++) found.push(from + (to - from) * k / parts);
    return found;
  }
  function draw() {
    const ratio = devicePixelRatio || 1, width = canvas.clientWidth, LEFT = Math.min(190, width * .3);
    if (!width) return;
    canvas.width = width * ratio; canvas.height = height * ratio; canvas.style.height = height + 'px';
    const c = canvas.getContext('2d'), css = getComputedStyle(document.body), colour = name => css.getPropertyValue(name);
    const x = t => LEFT + (t - from) / (to - from) * (width - LEFT - 10);
    c.scale(ratio, ratio); c.clearRect(0, 0, width, height);
    c.font = '12px sans-serif'; c.textBaseline = 'top'; hits = [];
    rows.forEach((row, i) => {
      if (marked && marked.has(row.serial)) { c.fillStyle = colour('--pick'); c.fillRect(0, row.top - PAD / 2, width, row.lanes * LANE + PAD); }
      else if (i % 2) { c.fillStyle = colour('--code'); c.fillRect(0, row.top - PAD / 2, width, row.lanes * LANE + PAD); }
      row.spans.forEach(s => {
        if (s.to < from || s.from > to) return;
        const a = Math.max(LEFT, x(s.from)), b = Math.min(width - 8, x(s.to)), y = row.top + s.lane * LANE, w = Math.max(1.5, b - a - .5);
        c.fillStyle = colour({hold: '--hold', wait: '--wait', step: '--step'}[s.kind] || '--line');
        c.fillRect(a, y, w, LANE - 2);
        if (w > 40) {
          c.fillStyle = s.kind === 'idle' ? colour('--dim') : s.kind === 'step' ? colour('--ink') : '#fff';
          c.save(); c.beginPath(); c.rect(a, y, w, LANE); c.clip();
          c.font = '10px sans-serif'; c.fillText(s.name, a + 3, y); c.font = '12px sans-serif'; c.restore();
        }
        hits.push([a, y, w, s]);
      });
      c.clearRect(0, row.top - PAD / 2, LEFT - 2, 0);
      c.fillStyle = colour('--ink');
      c.fillText(row.name.length > 28 ? row.name.slice(0, 27) + '…' : row.name, 8, row.top - 1, LEFT - 14);
    });
    c.strokeStyle = colour('--accent'); c.fillStyle = colour('--accent'); c.lineWidth = 1.2;
    (line.arrows || []).forEach(arrow => {
      const a = rows[index.get(arrow.from)], b = rows[index.get(arrow.to)];
      if (!a || !b || a === b || arrow.until < from || arrow.at > to) return;
      const x1 = x(arrow.at), x2 = Math.max(x1 + 2, x(arrow.until)), downwards = a.top < b.top;
      const y1 = downwards ? a.top + a.lanes * LANE - 1 : a.top - 1, y2 = downwards ? b.top - 2 : b.top + b.lanes * LANE;
      if (x1 < LEFT || x2 > width) return;
      c.beginPath(); c.moveTo(x1, y1); c.bezierCurveTo(x1, (y1 + y2) / 2, x2, (y1 + y2) / 2, x2, y2); c.stroke();
      const tipy = downwards ? -5 : 5;
      c.beginPath(); c.moveTo(x2, y2); c.lineTo(x2 - 3, y2 + tipy); c.lineTo(x2 + 3, y2 + tipy); c.fill();
    });
    c.fillStyle = colour('--dim'); c.strokeStyle = colour('--line'); c.lineWidth = 1;
    ticks(width < 700 ? 2 : 5).forEach(t => {
      const at = x(t);
      c.beginPath(); c.moveTo(at, 0); c.lineTo(at, top); c.stroke();
      c.textAlign = at > width - 60 ? 'right' : at > LEFT + 30 ? 'center' : 'left'; c.fillText(unit(t), at, top + 5); c.textAlign = 'left';
    });
    canvas.dataset.spans = hits.length;
  }
  const VERB = {hold: 'holds ', wait: 'waits for ', idle: 'idle, waits for ', step: ''};
  canvas.addEventListener('mousemove', e => {
    const left = Math.min(190, canvas.clientWidth * .3);
    pointer = from + (e.offsetX - left) / (canvas.clientWidth - left - 10) * (to - from);
    const hit = hits.find(([a, y, w]) => e.offsetX >= a - 1 && e.offsetX <= a + w + 1 && e.offsetY >= y && e.offsetY < y + LANE);
    tip.style.display = hit ? 'block' : 'none';
    if (hit) {
      const s = hit[3];
      tip.textContent = VERB[s.kind] + s.name + (s.kind === 'step' ? ', ' : ', ' + length(s.to - s.from) + (s.open ? ' and still' : '') + ', from ') + unit(s.from);
      tip.style.left = Math.max(0, Math.min(innerWidth - tip.offsetWidth - 8, e.clientX + 12)) + 'px'; tip.style.top = (e.clientY + 14) + 'px';
    }
  });
  canvas.addEventListener('mouseleave', () => { tip.style.display = 'none'; });
  const clamp = () => { const span = Math.min(to - from, end - begin || 1); from = Math.max(begin, Math.min(from, end - span)); to = from + span; };
  function zoom(factor, at) {
    const span = Math.max((to - from) * factor, steps ? 3 : 1e-7);
    from = at - (at - from) * factor; to = from + span; clamp(); draw();
  }
  canvas.addEventListener('wheel', e => {
    if (!e.ctrlKey && !e.shiftKey && !e.altKey) return;
    e.preventDefault();
    zoom((e.deltaY || e.deltaX) > 0 ? 1.25 : .8, pointer === null ? (from + to) / 2 : pointer);
  }, {passive: false});
  canvas.addEventListener('dblclick', e => zoom(e.shiftKey ? 2.5 : .4, pointer));
  let drag = null;
  canvas.addEventListener('mousedown', e => { drag = [e.clientX, from, to]; });
  addEventListener('mouseup', () => { drag = null; });
  addEventListener('mousemove', e => {
    if (!drag) return;
    const move = (drag[0] - e.clientX) / canvas.clientWidth * (drag[2] - drag[1]);
    from = drag[1] + move; to = drag[2] + move; clamp(); draw();
  });
  canvas.tabIndex = 0;
  canvas.addEventListener('keydown', e => {
    const span = to - from, keys = {'+': () => zoom(.8, pointer ?? (from + to) / 2), '-': () => zoom(1.25, pointer ?? (from + to) / 2),
      ArrowLeft: () => { from -= span / 8; to -= span / 8; clamp(); draw(); }, ArrowRight: () => { from += span / 8; to += span / 8; clamp(); draw(); }};
    if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
  });
  all('#timeline [data-zoom]').forEach(b => b.addEventListener('click', () => {
    if (b.dataset.zoom === 'fit') { from = begin; to = end > begin ? end : begin + 1; draw(); } else zoom(+b.dataset.zoom, (from + to) / 2);
  }));
  addEventListener('resize', draw);
  arrived.timeline = rest => {
    const card = rest ? one('#' + CSS.escape(rest)) : null;
    marked = card ? new Set(threads.filter(t => JSON.parse(card.dataset.threads).includes(t.name)).map(t => t.serial)) : null;
    draw();
  };
})();
// Pictures with states to step through: the topology of a replay.
all('.stepper').forEach(stepper => {
  const states = all('.state', stepper), slider = one('input[type=range]', stepper), label = one('.label', stepper);
  const go = n => { states.forEach((s, i) => s.classList.toggle('gone', i !== n)); slider.value = n; label.textContent = states[n].dataset.label; };
  slider.max = states.length - 1;
  slider.addEventListener('input', () => go(+slider.value));
  all('button', stepper).forEach(b => b.addEventListener('click', () => go(Math.max(0, Math.min(states.length - 1, +slider.value + +b.dataset.by)))));
  go(states.length - 1);
});
show(location.hash.slice(1));
