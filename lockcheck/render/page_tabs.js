// The report page, first part: tabs, links between them, copying, filters of cards.
// Plain JavaScript, no library, no request.  What the page says is in it without a script, too.
'use strict';
document.body.classList.add('js');
const all = (q, at) => Array.from((at || document).querySelectorAll(q));
const one = (q, at) => (at || document).querySelector(q);
const make = (tag, text, at) => {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (at) at.append(e);
  return e;
};
const data = id => { const e = document.getElementById(id); return e ? JSON.parse(e.textContent) : null; };
const arrived = {};            // section -> what it does when it is shown, with the rest of the hash
function show(hash) {
  let [id, rest] = decodeURIComponent(hash).split(':');
  const target = document.getElementById(id);
  const section = target ? target.closest('section') : one('section');
  all('section').forEach(s => s.classList.toggle('on', s === section));
  all('nav a').forEach(a => {
    const on = a.hash === '#' + section.id;
    a.classList.toggle('on', on);
    if (on) { a.setAttribute('aria-current', 'page'); a.parentNode.scrollLeft = a.offsetLeft - 24; } else a.removeAttribute('aria-current');
  });
  if (arrived[section.id]) arrived[section.id](rest);
  if (target && target !== section) target.scrollIntoView({block: 'start'});
  else scrollTo(0, 0);
}
addEventListener('hashchange', () => show(location.hash.slice(1)));
// The browser goes to the anchor when it has loaded; the heading of the page is above it.
addEventListener('load', () => setTimeout(() => { if (!location.hash.startsWith('#finding-')) scrollTo(0, 0); }));

document.addEventListener('click', event => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  const done = () => { const was = button.textContent; button.textContent = 'copied'; setTimeout(() => { button.textContent = was; }, 1200); };
  const byHand = () => {
    const area = make('textarea', button.dataset.copy, document.body);
    area.select();
    if (document.execCommand('copy')) done();
    area.remove();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(button.dataset.copy).then(done, byHand); else byHand();
});

function filterCards(section) {
  const words = (one('input[type=search]', section) || {value: ''}).value.toLowerCase().split(/\s+/);
  const severity = (one('select', section) || {value: ''}).value;
  let shown = 0;
  const cards = all('article.filtered', section);
  cards.forEach(item => {
    const text = item.textContent.toLowerCase();
    const ok = words.every(w => text.includes(w)) && (!severity || item.dataset.severity === severity);
    item.classList.toggle('gone', !ok);
    shown += ok;
  });
  const count = one('.count', section);
  if (count) count.textContent = shown + ' of ' + cards.length;
}
all('section').forEach(section => {
  if (!one('article.filtered', section)) return;
  all('.bar input[type=search], .bar select', section).forEach(f => f.addEventListener('input', () => filterCards(section)));
});
