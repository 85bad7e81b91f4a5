"""Puts a tape's JSON into the frame of nn/page/, as the library does: assemble.py data.json page.html"""

import html
import json
import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "nn" / "page"


def assemble(data: dict) -> str:
    parts = {
        "TITLE": html.escape(data["title"]),
        "STYLE": "".join(path.read_text() for path in sorted(SOURCES.rglob("*.css"))),
        "SCRIPT": "".join(path.read_text() for path in sorted(SOURCES.rglob("*.js"))),
        # In JSON a "<" stands in strings only. Written as an escape it can end no script and open no comment.
        "DATA": json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
    }
    return re.sub("@(TITLE|STYLE|SCRIPT|DATA)@", lambda place: parts[place[1]], (SOURCES / "tape.html").read_text())


if __name__ == "__main__":
    source, target = map(pathlib.Path, sys.argv[1:])
    target.write_text(assemble(json.loads(source.read_text())))
