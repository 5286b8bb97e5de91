"""What a predictor answers to good, odd and broken requests."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from predictor import NAME

if TYPE_CHECKING:
    from predictor import Predictor

ROW = {"distance": 1.5, "carrier": "UA"}
SIZE = "Inference-Header-Content-Length"
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def column(name: str, datatype: str, data: list[Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data), 1], "data": data, **more}


DISTANCE, CARRIER = column("distance", "FP64", [1.5]), column("carrier", "BYTES", ["UA"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", {"status": "alive"}),
        ("/v1/models", {"models": [NAME]}),
        (f"/v1/models/{NAME}", {"name": NAME, "ready": True}),
        ("/v2/health/live", {"live": True}),
        ("/v2/models", {"models": [NAME]}),
        (f"/v2/models/{NAME}/ready", {"name": NAME, "ready": True}),
    ],
)
def test_get(predictor: Predictor, path: str, body: dict[str, Any]) -> None:
    answer = predictor.ask("GET", path)
    assert (answer.status, answer.json) == (200, body)
    assert answer.headers["x-fairlead-model"] == predictor.bundle.fingerprint
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["", "/ready", "/infer"])
def test_a_version_is_the_fingerprint(predictor: Predictor, path: str) -> None:
    method, body = ("POST", {"inputs": [DISTANCE, CARRIER]}) if path == "/infer" else ("GET", None)
    right = f"/v2/models/{NAME}/versions/{predictor.bundle.fingerprint}{path}"
    assert predictor.ask(method, right, body).status == 200
    wrong = predictor.ask(method, f"/v2/models/{NAME}/versions/1{path}", body)
    assert wrong.status == 404
    assert "there is no version '1' here" in wrong.json["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/other", 404),
        ("POST", "/v1/models/other:predict", 404),
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/other/ready", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("GET", "/v3", 404),
        ("GET", f"/v2/models/{NAME}/infer", 405),
        ("DELETE", f"/v1/models/{NAME}", 405),
    ],
)
def test_what_is_not_there(predictor: Predictor, method: str, path: str, status: int) -> None:
    answer = predictor.ask(method, path, b"{}")
    assert answer.status == status
    assert answer.json["error"]


def test_probabilities_on_request(predictor: Predictor) -> None:
    answer = predictor.predict([ROW], probabilities=True).json
    if predictor.bundle.signature.task == "regression":
        assert answer.keys() == {"predictions"}
    else:
        assert answer["classes"] == list(predictor.bundle.signature.classes)
        best = answer["probabilities"][0].index(max(answer["probabilities"][0]))
        assert answer["predictions"] == [answer["classes"][best]]


def test_a_missing_number_is_null_both_ways(predictor: Predictor) -> None:
    answer = predictor.infer({"inputs": [column("distance", "FP64", [None]), CARRIER]}).json
    number = answer["outputs"][-1]
    assert set(number["data"]) == {None}
    assert predictor.predict([{"distance": None, "carrier": None}]).status == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "EOF"),
        (b"[]", "object"),
        (b'{"instances": [{"distance": 1', "EOF"),
        (b"\xff\xfe", "valid request"),
        ({}, "Field required; instances"),
        ({"instances": []}, "instances is empty"),
        ({"instances": 3}, "valid array"),
        ({"instances": [3]}, "instances.0"),
        ({"instances": [{"distance": 1.5}]}, "instance 0 lacks feature 'carrier'"),
        ({"instances": [ROW, [1.5]]}, "instance 1 has another length"),
        ({"instances": [{**ROW, "distance": "far"}]}, "feature 'distance' takes numbers; got 'far'"),
        ({"instances": [{**ROW, "distance": [1]}]}, "feature 'distance' takes numbers"),
        ({"instances": [{**ROW, "distance": 10**400}]}, "distance"),
        ({"instances": [{**ROW, "carrier": 7}]}, "feature 'carrier' takes text; got 7"),
        (b'{"instances": [[1, "\\ud800"]]}', "hex escape"),
        (b'{"instances": ' + b"[" * 100_000, "recursion"),
    ],
)
def test_v1_says_what_is_wrong(predictor: Predictor, body: Any, words: str) -> None:
    answer = predictor.ask("POST", f"/v1/models/{NAME}:predict", body)
    assert answer.status == 400
    assert words in answer.json["error"]
    assert "Traceback" not in answer.json["error"]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([], "feature 'distance' is missing"),
        ([DISTANCE], "feature 'carrier' is missing"),
        ([DISTANCE, CARRIER, CARRIER], "input 'carrier' is there twice"),
        ([{**DISTANCE, "datatype": "BYTES"}, CARRIER], "input 'distance' is a number; got datatype BYTES"),
        ([DISTANCE, {**CARRIER, "datatype": "INT8"}], "input 'carrier' is a category; got datatype INT8"),
        ([{**DISTANCE, "datatype": "FP128"}, CARRIER], "inputs.0.datatype"),
        ([{**DISTANCE, "shape": [1, 2]}, CARRIER], "send [rows] or [rows, 1]"),
        ([{**DISTANCE, "shape": []}, CARRIER], "send [rows] or [rows, 1]"),
        ([{**DISTANCE, "shape": [-1]}, CARRIER], "inputs.0.shape.0"),
        ([{**DISTANCE, "shape": [2]}, CARRIER], "1 values for shape [2]"),
        ([column("distance", "FP64", [1.0, 2.0]), CARRIER], "columns differ in their number of rows"),
        ([column("distance", "FP64", []), column("carrier", "BYTES", [])], "there are no rows"),
        ([column("distance", "FP32", ["far"]), CARRIER], "input 'distance' holds something that is no FP32"),
        ([column("distance", "FP64", ["far"]), CARRIER], "feature 'distance' takes numbers; got 'far'"),
        ([{"name": "distance", "datatype": "FP64", "shape": [1]}, CARRIER], "needs either data or binary_data_size"),
        ([{**DISTANCE, "parameters": {"binary_data_size": 8}}, CARRIER], "input 'distance' is cut off"),
        ([{**DISTANCE, "parameters": {"binary_data_size": -8}}, CARRIER], "inputs.0.parameters.binary_data_size"),
    ],
)
def test_v2_says_what_is_wrong(predictor: Predictor, inputs: list[Any], words: str) -> None:
    answer = predictor.infer({"inputs": inputs})
    assert answer.status == 400
    assert words in answer.json["error"]


def test_an_unknown_output(predictor: Predictor) -> None:
    answer = predictor.infer({"inputs": [DISTANCE, CARRIER], "outputs": [{"name": "variance"}]})
    assert (answer.status, answer.json["error"][:27]) == (400, "there is no output 'varianc")


def binary(distance: bytes, carrier: bytes, sizes: tuple[int, int] | None = None) -> tuple[bytes, dict[str, str]]:
    first, second = sizes or (len(distance), len(carrier))
    inputs = [
        {"name": "distance", "datatype": "FP64", "shape": [1], "parameters": {"binary_data_size": first}},
        {"name": "carrier", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": second}},
    ]
    head = json.dumps({"inputs": inputs}).encode()
    return head + distance + carrier, {SIZE: str(len(head))}


EIGHT, UA = struct.pack("<d", 1.5), struct.pack("<I", 2) + b"UA"


def test_binary_by_hand(predictor: Predictor) -> None:
    by_bytes, by_json = predictor.infer(*binary(EIGHT, UA)), predictor.infer({"inputs": [DISTANCE, CARRIER]})
    assert by_bytes.status == 200
    assert by_bytes.json == by_json.json


@pytest.mark.parametrize(
    ("distance", "carrier", "sizes", "words"),
    [
        (EIGHT[:7], UA, None, "input 'distance' is cut off; got 7 bytes for values of 8"),
        (EIGHT, UA, (8, 600), "input 'carrier' is cut off; got 6 of 600 bytes"),
        (EIGHT, UA + b"!", (8, 6), "bytes are left over; got 1 bytes"),
        (EIGHT, UA[:5], None, "input 'carrier' is cut off"),
        (EIGHT, UA[:2], None, "input 'carrier' is cut off"),
        (EIGHT, struct.pack("<I", 2**32 - 1) + b"UA", None, "input 'carrier' is cut off"),
        (EIGHT, struct.pack("<I", 1) + b"\xff", None, "input 'carrier' is not UTF-8; row 0"),
        (EIGHT * 2, UA, None, "2 values for shape [1]"),
    ],
)
def test_binary_says_what_is_wrong(
    predictor: Predictor, distance: bytes, carrier: bytes, sizes: tuple[int, int] | None, words: str
) -> None:
    answer = predictor.infer(*binary(distance, carrier, sizes))
    assert answer.status == 400
    assert words in answer.json["error"]


@pytest.mark.parametrize("size", ["", "-1", "ten", "1e3", "99999", "٣"])
def test_a_wrong_size_of_the_json_part(predictor: Predictor, size: str) -> None:
    body, _ = binary(EIGHT, UA)
    answer = predictor.infer(body, {SIZE: size.encode().decode("latin-1")})
    assert answer.status == 400


def test_a_compressed_body_is_refused(predictor: Predictor) -> None:
    assert predictor.infer(b"\x1f\x8b", {"Content-Encoding": "gzip"}).status == 415


def test_text_that_holds_zero_bytes(predictor: Predictor) -> None:
    odd, known = (predictor.predict([{**ROW, "carrier": text}]).json for text in ("UA\0", "UA"))
    other = predictor.predict([{**ROW, "carrier": "nobody"}]).json
    assert known != other or predictor.bundle.signature.task == "classification"
    assert odd == other


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def rarely_right(right: Any) -> st.SearchStrategy[Any]:
    return st.just(right) | JSON


TENSORS = st.fixed_dictionaries(
    {
        "name": rarely_right("distance") | st.just("carrier"),
        "datatype": rarely_right("FP64") | st.sampled_from(["BYTES", "FP16", "FP32", "BOOL", "UINT64"]),
        "shape": rarely_right([1]) | st.lists(st.integers(-1, 3), max_size=3),
    },
    optional={
        "data": st.lists(JSON, max_size=3),
        "parameters": JSON | st.fixed_dictionaries({"binary_data_size": JSON}),
    },
)


@MANY
@given(body=st.binary(max_size=60) | st.fixed_dictionaries({"instances": rarely_right([ROW]) | st.lists(JSON)}))
def test_v1_survives_anything(predictor: Predictor, body: Any) -> None:
    answer = predictor.ask("POST", f"/v1/models/{NAME}:predict", body)
    assert answer.status in (200, 400), answer.body
    assert answer.status == 200 or answer.json["error"]


@MANY
@given(
    inputs=st.lists(TENSORS | st.just(CARRIER) | st.just(DISTANCE), max_size=3) | JSON,
    more=st.fixed_dictionaries({}, optional={"outputs": JSON, "parameters": JSON, "id": JSON}),
    tail=st.binary(max_size=20),
    shift=st.none() | st.integers(-3, 3),
)
def test_v2_survives_anything(predictor: Predictor, inputs: Any, more: Any, tail: bytes, shift: int | None) -> None:
    head = json.dumps({"inputs": inputs, **more}).encode()
    answer = predictor.infer(head + tail, {} if shift is None else {SIZE: str(len(head) + shift)})
    assert answer.status in (200, 400), answer.body
    assert answer.status == 200 or answer.json["error"]


@MANY
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back_as_the_same_bits(predictor: Predictor, value: float) -> None:
    by_json = predictor.infer({"inputs": [column("distance", "FP64", [value]), CARRIER]}).json["outputs"]
    head, size = binary(struct.pack("<d", value), UA)
    assert predictor.infer(head, size).json["outputs"] == by_json
    if predictor.bundle.signature.task == "regression" and abs(value) < 1e300:
        assert by_json[0]["data"] == [2.0 * value + 1.0]
