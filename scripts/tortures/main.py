"""Runs trials, and keeps the table of their last results."""

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tortures import changed, cluster, files, killed, limits, models, scale, signals  # noqa: F401
from tortures.lab import TRIALS, Lab, Skip, hear
from tortures.record import save


def main() -> None:
    """Run the trials that are named, or all; exit 1 where one lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="trials; all where none is named")
    parser.add_argument("--list", action="store_true", help="name the trials and end")
    parser.add_argument("--save", metavar="FILE", help="put the results into the table of FILE")
    parser.add_argument("--folder", metavar="DIR", help="where to work; a temporary folder if not")
    parser.add_argument("--real", metavar="FILE", help="JSON Lines of articles, for real text")
    parser.add_argument(
        "--command",
        metavar="COMMAND",
        action="append",
        help="of the trials of scale, only this command; may be repeated",
    )
    given = parser.parse_args()
    if given.list:
        for name, (_, about) in TRIALS.items():
            print(f"{name:24} {about}")
        return
    if unknown := set(given.names) - TRIALS.keys():
        parser.error(f"no trial {', '.join(sorted(unknown))}; --list names them")
    if sys.flags.optimize:
        parser.error("run it without -O: a trial of -O is among them")
    hear()
    lost = 0
    for name in given.names or TRIALS:
        lost += _try(name, given)
    sys.exit(bool(lost))


def _try(name: str, given: argparse.Namespace) -> int:
    """Run one trial, print its result, and return how much it lost."""
    does, about = TRIALS[name]
    folder = Path(tempfile.mkdtemp(prefix=f"torture-{name}-", dir=given.folder))
    lab = Lab(folder, Path(given.real).resolve() if given.real else None)
    lab.table = Path(given.save).resolve() if given.save else None
    lab.commands = given.command or []
    began = time.monotonic()
    try:
        does(lab)
    except Skip as why:
        print(f"{name:24} passed over: {why}", flush=True)
        return 0
    except Exception:
        lab.count(False, f"the trial itself broke: {traceback.format_exc()}")
    finally:
        lab.clear()
        shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - began
    counts = f"tried {lab.tried}  survived {lab.survived}  lost {len(lab.lost)}"
    print(f"{name:24} {counts}  ({seconds:.0f} s)", flush=True)
    for note in lab.notes:
        print(f"    {note}", flush=True)
    if lab.table and not lab.commands:  # a part is not the trial
        save(lab.table, name, about, lab, seconds)
    return len(lab.lost)
