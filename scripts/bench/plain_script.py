"""The demo's work as one plain script: the same functions in the same order, and nothing between them.

Usage: python plain_script.py CONFIG OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from fairlead.evaluate.evaluate_model import EvaluateModelConfig, evaluate_model
from fairlead.ingest.ingest_table import IngestTableConfig, ingest_table
from fairlead.push.push_model import PushModelConfig, push_model
from fairlead.register.load_champion import LoadChampionConfig, load_champion
from fairlead.register.promote_model import PromoteModelConfig, promote_model
from fairlead.register.register_model import RegisterModelConfig, register_model
from fairlead.train.train_lightgbm import TrainLightgbmConfig, train_lightgbm
from fairlead.transform.split_table import SplitTableConfig, split_table
from fairlead.validate.check_table import CheckTableConfig, check_table


def main(config: Path, out: Path) -> None:
    """Reads the config and works through the stages."""
    given = yaml.safe_load(config.read_text())
    name = given["model_name"]
    ingest_table(IngestTableConfig(sources=given["sources"], query=given["query"]), out / "data")
    check_table(out / "data", Path(given["schema"]), CheckTableConfig(), out / "check.html", out / "check.json")
    sides = [out / side for side in ("train", "validation", "test")]
    split_table(out / "data", SplitTableConfig(keys=given["keys"]), *sides)
    chosen = {key: given[key] for key in ("target", "exclude", "num_trees", "num_leaves")} | {"task": "regression"}
    train_lightgbm(sides[0], sides[1], TrainLightgbmConfig(**chosen), out / "model")
    load_champion(LoadChampionConfig(name=name), out / "champion")
    gates = {key: given[key] for key in ("primary_metric", "thresholds", "slices")}
    reports = (out / "evaluation.html", out / "evaluation.json")
    evaluate_model(out / "model", sides[2], out / "champion", EvaluateModelConfig(**gates), *reports)
    registered = register_model(out / "model", RegisterModelConfig(name=name))
    push_model(out / "model", PushModelConfig(service=given["service"]))
    promote_model(PromoteModelConfig(name=name, version=registered.version))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
