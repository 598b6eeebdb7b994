"""The report page's style sheet: two schemes, no web font, nothing loaded."""

from __future__ import annotations

CSS = """
:root { --bg:#fbfbfa; --card:#fff; --ink:#1c2024; --dim:#667079; --line:#dcdfe3; --accent:#1c62b8;
  --bad:#c0262d; --bad-soft:#fdecec; --warn:#a15c00; --warn-soft:#fff3e0; --low:#5b6470;
  --low-soft:#eef0f2; --hold:#5b8fd1; --wait:#e0953a; --code:#f4f5f6; --pick:#fff2b8;
  color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --bg:#16181b; --card:#1e2125; --ink:#e4e7ea;
  --dim:#98a2ad; --line:#343a41; --accent:#7db2f0; --bad:#ff7b7b; --bad-soft:#3b2022;
  --warn:#f0b458; --warn-soft:#38301d; --low:#aab3bd; --low-soft:#2a2f35; --hold:#4878b5;
  --wait:#b8772a; --code:#25292e; --pick:#4d451c; } }
* { box-sizing: border-box; }
body { margin:0; background:var(--bg); color:var(--ink);
  font:14px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
header { padding:18px 24px 0; }
h1 { font-size:20px; margin:0 0 2px; } h2 { font-size:16px; margin:0 0 10px; }
h3 { font-size:14px; margin:14px 0 4px; }
.sub { color:var(--dim); } .num { text-align:right; font-variant-numeric:tabular-nums; }
nav { position:sticky; top:0; z-index:5; display:flex; flex-wrap:wrap; gap:2px;
  padding:10px 24px 0; background:var(--bg); border-bottom:1px solid var(--line); }
nav a { padding:6px 12px; color:var(--dim); text-decoration:none; border-radius:6px 6px 0 0; }
nav a.on { color:var(--ink); background:var(--card); border:1px solid var(--line);
  border-bottom-color:var(--card); margin-bottom:-1px; font-weight:600; }
nav a span { color:var(--dim); font-weight:400; margin-left:4px; }
main { padding:18px 24px 60px; } .js section { display:none; } .js section.on { display:block; }
section { margin-bottom:36px; scroll-margin-top:60px; }
input[type=search], select { font:inherit; color:inherit; background:var(--card); padding:5px 9px;
  border:1px solid var(--line); border-radius:6px; min-width:240px; }
select { min-width:0; }
button { font:inherit; color:inherit; background:var(--card); border:1px solid var(--line);
  border-radius:6px; padding:4px 10px; cursor:pointer; }
.bar { display:flex; flex-wrap:wrap; gap:10px; align-items:center; margin:0 0 12px; }
.bar label { color:var(--dim); }
.card { background:var(--card); border:1px solid var(--line); border-radius:8px; padding:14px 16px;
  margin:0 0 14px; border-left-width:4px; }
.card.certain { border-left-color:var(--bad); } .card.possible { border-left-color:var(--warn); }
.card.class-only { border-left-color:var(--low); }
.badge { display:inline-block; padding:1px 8px; border-radius:10px; font-size:12px;
  font-weight:600; margin-right:6px; }
.badge.certain { color:var(--bad); background:var(--bad-soft); }
.badge.possible { color:var(--warn); background:var(--warn-soft); }
.badge.class-only, .badge.kind { color:var(--low); background:var(--low-soft); }
.steps { display:grid; gap:10px; margin:10px 0; } .step { display:grid;
  grid-template-columns:minmax(0,1fr) minmax(0,1fr); gap:10px; }
.step h3 { grid-column:1/-1; margin:4px 0 -4px; } @media (max-width:800px) { .step { grid-template-columns:1fr; } }
.stack { background:var(--code); border-radius:6px; padding:8px 10px; overflow-x:auto; }
.stack b { font-weight:600; } .stack ol { margin:4px 0 0; padding-left:20px; }
code, pre, .stack li, .mono { font:12.5px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
.stack li span { color:var(--dim); } pre { background:var(--code); border-radius:6px;
  padding:10px 12px; overflow-x:auto; margin:8px 0 0; }
summary { cursor:pointer; color:var(--accent); margin-top:8px; }
table { border-collapse:collapse; background:var(--card); border:1px solid var(--line); width:100%; }
th, td { padding:4px 10px; border-bottom:1px solid var(--line); text-align:left;
  vertical-align:top; }
th { cursor:pointer; user-select:none; color:var(--dim); font-weight:600; position:sticky; top:43px;
  background:var(--card); white-space:nowrap; } th.num { text-align:right; }
th[aria-sort=ascending]::after { content:" ▲"; } th[aria-sort=descending]::after { content:" ▼"; }
td.name { font:12.5px/1.6 ui-monospace, "DejaVu Sans Mono", monospace; word-break:break-word; }
tr.bad td.name { color:var(--bad); font-weight:600; }
table.scenario { width:auto; margin:8px 0; } table.scenario th { position:static; cursor:default; color:var(--ink); }
.meter { display:inline-block; height:9px; background:var(--wait); border-radius:2px;
  vertical-align:middle; } .meter.hold { background:var(--hold); }
.picture { border:1px solid var(--line); border-radius:8px; background:var(--card); overflow:auto;
  max-height:76vh; } .picture svg { display:block; } .picture svg.topology { max-width:100%; height:auto; }
.graphbox { display:grid; grid-template-columns:minmax(0,1fr) 300px; gap:14px; }
@media (max-width:1000px) { .graphbox { grid-template-columns:1fr; } }
#about { font-size:13px; overflow-wrap:anywhere; } #about ul { padding-left:18px; margin:4px 0 10px; }
svg text { font:12px ui-monospace, "DejaVu Sans Mono", monospace; fill:var(--ink);
  text-anchor:middle; pointer-events:none; }
.node rect { fill:var(--bg); stroke:var(--dim); } .node { cursor:pointer; outline:none; }
.node.bad rect { stroke:var(--bad); fill:var(--bad-soft); stroke-width:1.6; }
.node.hit rect { fill:var(--pick); } .node.picked rect, .node:focus rect { stroke:var(--accent); stroke-width:2.5; }
.edge { fill:none; stroke:var(--dim); stroke-width:1.1; opacity:.75; } .edge.bad { stroke:var(--bad); stroke-width:2; opacity:1; }
.edge.lit { stroke:var(--accent); stroke-width:2; opacity:1; } .arrow { fill:var(--dim); } .arrow-bad { fill:var(--bad); }
.faded { opacity:.13 !important; } .gone { display:none; }
.panels { display:grid; gap:18px; } .panels.two { grid-template-columns:repeat(auto-fit,minmax(420px,1fr)); }
#tip { position:fixed; pointer-events:none; background:var(--ink); color:var(--bg); padding:3px 8px;
  border-radius:5px; font-size:12px; display:none; z-index:9; max-width:480px; }
canvas { display:block; width:100%; background:var(--card); border:1px solid var(--line); border-radius:8px; }
.key i { display:inline-block; width:14px; height:10px; border-radius:2px; margin:0 5px 0 12px; }
.empty { color:var(--dim); padding:30px 0; }
"""
