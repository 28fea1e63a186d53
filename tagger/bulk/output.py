"""The parts joined into the output."""

from typing import Any

from tagger.bulk.parts import Work
from tagger.bulk.settings import JobSettings, Result
from tagger.bulk.store import Store, to_json
from tagger.errors import OutputError
from tagger.files import tagged
from tagger.files.writers import copy
from tagger.predictor import Tagger


def finish(
    tagger: Tagger,
    settings: JobSettings,
    work: Work,
    store: Store,
    manifests: dict[int, dict[str, Any]],
    header: dict[str, Any],
    result: Result,
) -> None:
    """Join the parts into the output, and count once more."""
    if sorted(manifests) != list(range(len(manifests))):
        raise OutputError(f"{store.folder}: a part is missing: run again with --resume")
    numbers = range(len(manifests))
    output = settings.output
    rejects = tagged.rejects_path(output)
    rejects.unlink(missing_ok=True)
    if result.rejected:
        with tagged.atomic_write(rejects) as stream:
            n = sum(copy(store.rejects(i), manifests[i]["rejects_sha256"], stream) for i in numbers)
        if n < 1:
            raise OutputError(f"{rejects}: {result.rejected} rows were rejected, found none")
    parts = [(store.part(i), manifests[i]["sha256"]) for i in numbers]
    counted = work.writer.join(parts, output, work.layout(tagger))
    if counted is not None and counted != result.sentences:
        raise OutputError(
            f"{output}: holds {counted} rows, expected {result.sentences}: run again with --resume"
        )
    record = {
        **header,
        "schema": tagger.schema.to_dict(),
        "rows": result.rows,
        "tagged": result.tagged,
        "rejected": result.rejected,
        "sentences": result.sentences,
        "out_of_fold": tagger.model.about.get("out_of_fold"),
    }
    with tagged.atomic_write(tagged.manifest_path(output)) as stream:
        stream.write(to_json(record))
