"""The table of the last results in a Markdown file, one row a trial."""

import re
from pathlib import Path

from tortures.lab import Lab

_BEGIN, _END = "<!-- trials -->", "<!-- /trials -->"
_SCALE_BEGIN, _SCALE_END = "<!-- scale -->", "<!-- /scale -->"
_HEAD = (
    "| trial | what | tried | survived | lost | seconds |",
    "| --- | --- | ---: | ---: | ---: | ---: |",
)
_SCALE_HEAD = (
    "| command | text | rows | seconds of processor | peak memory, MB |",
    "| --- | --- | ---: | ---: | ---: |",
)


def save(path: Path, name: str, about: str, lab: Lab, seconds: float) -> None:
    """Put the result of a trial into the table, in the place of the one before it."""
    row = f"| `{name}` | {about} | {lab.tried} | {lab.survived} | {len(lab.lost)} | {seconds:.0f} |"
    _put(path, _BEGIN, _END, _HEAD, {f"| `{name}` |": row})


def save_scale(
    path: Path, command: str, text: str, n: int, measured: tuple[float, float] | None
) -> None:
    """Put seconds and megabytes into the table of scale; None where the command refused."""
    key = f"| {command} | {text} | {n:,} |"
    row = (
        f"{key} {measured[0]:,.0f} | {measured[1]:,.0f} |"
        if measured
        else f"{key} refused | told why |"
    )
    _put(path, _SCALE_BEGIN, _SCALE_END, _SCALE_HEAD, {key: row})


def _put(path: Path, begin: str, end: str, head: tuple[str, str], rows: dict[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    found = re.search(f"{re.escape(begin)}\n(.*?){re.escape(end)}", text, re.DOTALL)
    if found is None:
        raise SystemExit(f"{path}: has no place {begin} for the table")
    lines = [line for line in found[1].splitlines() if line.startswith("| ")][2:]
    for key, row in rows.items():
        old = next((i for i, line in enumerate(lines) if line.startswith(key)), None)
        if old is None:
            lines.append(row)
        else:
            lines[old] = row
    table = "\n".join([*head, *lines])
    text = text[: found.start()] + f"{begin}\n{table}\n{end}" + text[found.end() :]
    path.write_text(text, encoding="utf-8")
