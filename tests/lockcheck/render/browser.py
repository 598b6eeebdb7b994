"""A report page in headless Chromium: what a script sees there, as one JSON value.

The page is a copy with a probe at its end; Chromium prints the document when the probe is done, and
the probe leaves its answer in it.  No driver, no port: one process, one file.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["chromium", "probe"]

WATCH = """<script>
window.complaints = [];
addEventListener('error', e => complaints.push(String(e.message || e.type)));
addEventListener('unhandledrejection', e => complaints.push(String(e.reason)));
const wasError = console.error;
console.error = (...words) => { complaints.push(words.join(' ')); wasError(...words); };
</script>"""
ASK = """<script>
addEventListener('load', () => setTimeout(() => {
  let answer;
  try { answer = (() => { %s })(); } catch (e) { complaints.push(String(e)); }
  parent.postMessage(JSON.stringify({answer, complaints}), '*');
}, 50));
</script>"""
FRAME = """<!DOCTYPE html><html><head><meta name="color-scheme" content="light dark"></head><body>
<script>addEventListener('message', e => {
  const out = document.createElement('script');
  out.type = 'application/json'; out.id = 'answer';
  out.textContent = e.data.replaceAll('<', '\\\\u003c');
  document.body.append(out);
});</script>
<iframe src="%s" width="%d" height="900" style="border:0"></iframe></body></html>"""
"""A window has a least width; a frame can be as narrow as a telephone."""


@cache
def chromium() -> str | None:
    """Path of a Chromium, if there is one."""
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        found = shutil.which(name)
        if found:
            return found
    return None


def probe(page: Path, script: str, *, width: int = 1440, dark: bool = False) -> Any:
    """Open the page so wide, run `script` (it returns a value); fails on any console error."""
    text = page.read_text(encoding="utf-8")
    copy = page.with_name(f"probe-{width}-{int(dark)}.html")
    text = text.replace("<body>", "<body>" + WATCH, 1)
    copy.write_text(text.replace("</body>", ASK % script + "</body>", 1), encoding="utf-8")
    frame = page.with_name(f"frame-{width}-{int(dark)}.html")
    frame.write_text(FRAME % (copy.name, width), encoding="utf-8")
    program = chromium()
    assert program is not None
    profile = page.with_name(f"profile-{width}-{int(dark)}")
    colour = ["--blink-settings=preferredColorScheme=0"] if dark else []
    done = subprocess.run(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", f"--user-data-dir={profile}",
         f"--window-size={max(width, 500) + 40},960", *colour,
         "--virtual-time-budget=2000", "--dump-dom", frame.resolve().as_uri()],
        capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "HOME": str(page.parent)},
    )  # fmt: skip
    mark = '<script type="application/json" id="answer">'
    assert mark in done.stdout, f"the page did not answer: {done.stderr[-500:]}"
    said = json.loads(done.stdout.split(mark)[1].split("</script>")[0])

    assert said["complaints"] == []
    return said["answer"]
