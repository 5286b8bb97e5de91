"""What a push writes into an InferenceService, and reads out of one that others have written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import ArtifactError
from fairlead.push.kserve.service import MODEL, PREVIOUS, PUSH, InferenceService, Revision, new_service

LEAF = st.none() | st.booleans() | st.integers() | st.text()
JSON = st.recursive(LEAF, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def revision(number: int) -> Revision:
    predictor: dict[str, Any] = {"model": {"storageUri": f"s3://models/{number}"}}
    return Revision(predictor, {MODEL: f"model-{number}", PUSH: f"push-{number}"})


def service(annotations: dict[str, str], **spec: Any) -> InferenceService:
    metadata = {"name": "a", "namespace": "models", "annotations": annotations, "labels": {"team": "flights"}}
    return InferenceService({"metadata": metadata, "spec": {"predictor": {}, **spec}})


def test_a_service_remembers_two_revisions_back_and_no_more() -> None:
    history: Revision | None = None
    for number in range(6):
        history = revision(number).after(history)
    seen = []
    while history:
        seen.append(history.fingerprint)
        history = history.previous
    assert seen == ["model-5", "model-4", "model-3"]


def test_what_served_is_kept_whole() -> None:
    before = revision(1)
    assert revision(2).after(before).previous == before


def test_what_others_wrote_stays() -> None:
    wrote = service({"theirs": "kept", MODEL: "old", "fairlead.dev/stale": "gone"}, transformer={"containers": []})
    after = wrote.serving(revision(7))
    assert after.annotations == {"theirs": "kept", MODEL: "model-7", PUSH: "push-7"}
    assert after.body["metadata"]["labels"] == {"team": "flights"}
    assert after.body["spec"] == {"predictor": revision(7).predictor, "transformer": {"containers": []}}
    assert wrote.annotations[MODEL] == "old"


def test_a_service_that_fairlead_never_saw() -> None:
    theirs = service({}, predictor={"sklearn": {"storageUri": "s3://models/sklearn"}})
    assert (theirs.push, theirs.revision.fingerprint, theirs.revision.previous) == ("", "", None)
    assert theirs.revision.storage == ""
    ours = theirs.serving(revision(1).after(theirs.revision))
    assert ours.revision.previous == theirs.revision
    assert ours.serving(theirs.revision).body == theirs.body


@given(JSON | st.just({"predictor": 1, "notes": {}}))
def test_a_note_that_somebody_changed_is_told(value: Any) -> None:
    changed = service({PREVIOUS: json.dumps(value)}).revision
    with pytest.raises(ArtifactError, match="what served before cannot be read"):
        _ = changed.previous


@given(st.text(min_size=1))
def test_a_note_of_any_text_is_told(text: str) -> None:
    with pytest.raises(ArtifactError):
        _ = service({PREVIOUS: text}).revision.previous


def test_its_address() -> None:
    assert new_service("a", "models", "Standard").url == "http://a-predictor.models"
    told = {**service({}).body, "status": {"address": {"url": "http://a-predictor.models.svc.cluster.local"}}}
    assert InferenceService(told).url == "http://a-predictor.models.svc.cluster.local"
