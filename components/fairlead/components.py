"""Every component, to compose pipelines from: `from fairlead.components import ingest_table`."""

from fairlead.evaluate.component import evaluate_model
from fairlead.ingest.component import ingest_table
from fairlead.push.component import push_model
from fairlead.register.component import load_champion, promote_model, register_model
from fairlead.train.component import train_lightgbm, train_sklearn
from fairlead.transform.component import split_table
from fairlead.validate.component import check_table, infer_schema

__all__ = [
    "check_table",
    "evaluate_model",
    "infer_schema",
    "ingest_table",
    "load_champion",
    "promote_model",
    "push_model",
    "register_model",
    "split_table",
    "train_lightgbm",
    "train_sklearn",
]
