// Tables: a head sorts (also by keyboard, it is a button), the search field above filters.
// A long table's rows are data; at most ROWS of those that fit are in the page at a time.
(function () {
  const ROWS = 300, FOLD = 70;
  all('table.data').forEach(table => {
    const body = table.tBodies[0], heads = all('th', table), section = table.closest('section');
    const stored = table.dataset.rows ? data(table.dataset.rows) : null;
    const search = one('input[type=search]', table.closest('.tablebox')), count = one('.count', table.closest('.tablebox'));
    const kinds = heads.map(th => th.dataset.kind);
    let rows = stored ? stored.rows.map(cells => ({
      cells: cells.map((c, at) => stored.texts && kinds[at] !== 'num' && kinds[at] !== 'meter' ? stored.texts[c] : c),
      bad: false,
    })) : Array.from(body.rows).map(row => ({row, cells: Array.from(row.cells).map(c => c.dataset.value === undefined ? c.textContent : +c.dataset.value)}));
    if (stored) stored.bad.forEach(at => { rows[at].bad = true; });
    rows.forEach(r => { r.text = r.cells.join(' ').toLowerCase(); });
    const most = kinds.map((kind, at) => kind === 'meter' ? Math.max(1, ...rows.map(r => r.cells[at])) : 0);
    function built(r) {
      if (r.row) return r.row;
      const row = document.createElement('tr');
      if (r.bad) row.className = 'bad';
      r.cells.forEach((value, at) => {
        const plain = kinds[at] !== 'meter' && kinds[at] !== 'copy' && !(kinds[at] === 'long' && value.length > FOLD);
        const cell = make('td', plain ? String(value) : undefined, row);
        cell.className = kinds[at];
        if (kinds[at] === 'copy' && value) make('button', 'copy', cell).dataset.copy = value;
        if (kinds[at] === 'long' && !plain) {
          const folded = make('details', undefined, cell);
          make('summary', value.slice(0, FOLD) + ' …', folded);
          folded.append(value);
        }
        if (kinds[at] === 'meter') make('i', '', cell).style.width = Math.round(110 * value / most[at]) + 'px';
      });
      return row;
    }
    function draw() {
      const words = search ? search.value.toLowerCase().split(/\s+/) : [''];
      const fits = rows.filter(r => words.every(w => r.text.includes(w)));
      body.replaceChildren(...fits.slice(0, ROWS).map(built));
      if (count) count.textContent = fits.length + ' of ' + rows.length + (fits.length > ROWS ? ', the first ' + ROWS + ' shown' : '');
    }
    heads.forEach((th, at) => one('button', th) && one('button', th).addEventListener('click', () => {
      const down = th.getAttribute('aria-sort') === 'ascending';
      heads.forEach(o => o.setAttribute('aria-sort', 'none'));
      th.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const number = kinds[at] === 'num' || kinds[at] === 'meter';
      rows.sort((a, b) => (number ? a.cells[at] - b.cells[at] : String(a.cells[at]).localeCompare(String(b.cells[at]))) * (down ? -1 : 1));
      draw();
    }));
    if (search) search.addEventListener('input', draw);
    if (stored) draw(); else if (count) count.textContent = rows.length + ' of ' + rows.length;
    if (section && section.id === 'graph') return;
  });
})();
