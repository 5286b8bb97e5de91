"""The command line: run, compile, apply, components, trace, predict, stop.

Every command imports what it needs when it runs, so that `fairlead --help` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairlead import __version__
from fairlead.errors import ClusterError, FairleadError

if TYPE_CHECKING:
    from fairlead.run.cluster_file import ClusterFile
    from fairlead.run.result import RunResult

EXIT_GATE = 7
EXIT_INTERRUPTED = 130
EXIT_CODES = """\
Exit codes: 0 done - 1 unexpected error - 2 wrong flag, parameter or config - 3 bad data - 4 missing or damaged
artifact - 5 a run or step failed - 6 a model is not served - 7 a gate held the run back - 8 a cluster refuses or
does not answer - 130 interrupted."""

app = typer.Typer(
    name="fairlead",
    help="Takes a model from raw data to a verified endpoint with Kubeflow Pipelines components.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain like a manual page, and half as long to wait for
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
components_app = typer.Typer(help="List the components, or show one.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(components_app, name="components")


def main() -> None:
    """Runs the command line; a user's mistake is told in plain words, with the exit code of its kind."""
    try:
        app()
    except FairleadError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("interrupted: earlier outputs and the serving model are as they were", err=True)
        sys.exit(EXIT_INTERRUPTED)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fairlead {__version__}")
        raise typer.Exit


@app.callback()
def fairlead(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Takes a model from raw data to a verified endpoint with Kubeflow Pipelines components."""


@app.command()
def run(
    pipeline: Annotated[str, typer.Argument(help="A pipeline's name, or a .py or compiled .yaml file.")],
    runner: Annotated[
        str,
        typer.Option(help="in-process; fork (each step isolated); subprocess (kfp.local); docker; kfp (a cluster)."),
    ] = "in-process",
    config: Annotated[Path | None, typer.Option(help="A YAML file with the pipeline's parameters.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="One parameter, key=value; dots reach inside.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where artifacts and run.json go.  [default: runs/PIPELINE]")] = None,
    cache: Annotated[bool, typer.Option(help="Reuse steps whose code, parameters and inputs are unchanged.")] = True,
    memory: Annotated[str, typer.Option(help="The most that a step may use, such as 2g; for docker.")] = "",
    cluster: Annotated[Path | None, typer.Option(help="A YAML file that says where a cluster is; for kfp.")] = None,
    experiment: Annotated[str, typer.Option(help="That the run belongs to; for kfp.  [default: the cluster's]")] = "",
    service_account: Annotated[str, typer.Option(help="That steps run as; for kfp.  [default: the cluster's]")] = "",
) -> None:
    """Run a pipeline on this machine, or on a cluster.

    Shows each stage as it goes, and ends with a summary, the reports and a line that asks the endpoint.

    Example: fairlead run train_and_deploy --config pipelines/flights.yaml --set num_trees=100
    """
    from fairlead.run.cache import default_cache
    from fairlead.run.compile import compile_pipeline
    from fairlead.run.progress import progress
    from fairlead.run.runner import ON_CLUSTER, run_pipeline
    from fairlead.settings import read_settings

    parameters = read_settings(config, set_ or [])
    named = runner == ON_CLUSTER or cluster or experiment or service_account
    where = _cluster_of(cluster, experiment, service_account) if named else None
    ir = compile_pipeline(pipeline)
    place = out or Path("runs") / Path(pipeline).stem.replace("-", "_")
    result = run_pipeline(
        ir,
        runner=runner,
        parameters=parameters,
        out=place,
        cache=default_cache() if cache else None,
        listener=progress(sys.stderr),
        memory=memory,
        cluster=where,
    )
    _tell_end(result)


def _cluster_of(file: Path | None, experiment: str, service_account: str) -> ClusterFile:
    """The cluster of a file, or around this process; flags stand over what the file says."""
    from fairlead.run.cluster_file import read_cluster_file

    flags = {"experiment": experiment, "service_account": service_account}
    return read_cluster_file(file).model_copy(update={name: value for name, value in flags.items() if value})


def _tell_end(result: RunResult) -> None:
    from fairlead.run.closing import closing_lines, gate_that_held

    for line in closing_lines(result):
        typer.echo(line)
    if gate_that_held(result):
        raise typer.Exit(EXIT_GATE)


@app.command()
def compile(  # noqa: A001 - the command's name
    name: Annotated[str, typer.Argument(help="A pipeline or component by name, or a pipeline's .py file.")] = "",
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("build"),
    registry: Annotated[str, typer.Option(help="Take every image from this host, such as registry.corp:5000/ml.")] = "",
) -> None:
    """Write IR YAML of pipelines and components.

    One pipeline or component by its name, or, without a name, every one of them.
    """
    from fairlead.run.compile_files import compile_files

    for path in compile_files(name, out, registry):
        typer.echo(str(path))


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="A YAML file with pipelines and recurring runs.")],
    cluster: Annotated[Path | None, typer.Option(help="The cluster file.  [default: the one that FILE names]")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")] = False,
) -> None:
    """Make a cluster have the pipelines and recurring runs that a file says.

    Shows what is made (+), changed (~), removed (-) and right already (=). Pipelines and versions are never deleted.
    """
    from fairlead.run.apply import Apply

    changes = Apply(file, cluster).run(dry_run=dry_run, tell=lambda change: typer.echo(str(change)))
    done = "would be made" if dry_run else "made"
    typer.echo(f"{changes} change{'s' if changes != 1 else ''} {done}" if changes else "nothing to change")


@components_app.command("list")
def list_components() -> None:
    """List every component with its stage and purpose."""
    from rich.console import Console
    from rich.table import Table

    from fairlead.catalogue import components, summary

    table = Table("component", "stage", "purpose", box=None)
    for name, item in components().items():
        table.add_row(name, item.__module__.split(".")[1], summary(item))
    Console().print(table)


@components_app.command("show")
def show_component(name: Annotated[str, typer.Argument(help="A component's name.")]) -> None:
    """Show a component's inputs, outputs, image and version."""
    from rich.console import Console
    from rich.table import Table

    from fairlead.catalogue import component_named, parameters, summary

    item = component_named(name)
    console = Console()
    console.print(
        f"[bold]{item.__name__}[/]  {summary(item)}\nimage    {item.image}\nversion  {__version__}", highlight=False
    )
    for title, output in (("inputs", False), ("outputs", True)):
        table = Table(title, "type", "default", "meaning", box=None, padding=(0, 2, 0, 0))
        for parameter in parameters(item):
            if parameter.output is output:
                table.add_row(parameter.name, parameter.type, parameter.default, parameter.description)
        console.print(table, markup=False)


@app.command()
def push(
    model: Annotated[Path, typer.Argument(help="The folder of a model.")],
    service: Annotated[str, typer.Argument(help="The endpoint's name.")],
    target: Annotated[str, typer.Option(help="local; kserve.")] = "local",
    namespace: Annotated[str, typer.Option(help="Of an InferenceService.  [default: the context's]")] = "",
    storage: Annotated[str, typer.Option(help="A folder in an object store to copy the model to, for kserve.")] = "",
    uri: Annotated[str, typer.Option(help="Where the same model lies in an object store, instead.")] = "",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Another of push_model's parameters, key=value.")
    ] = None,
) -> None:
    """Serve a model once it has given its golden answers.

    Example: fairlead push runs/train_and_deploy/train-lightgbm/model delays --target kserve --namespace fairlead
    --storage s3://models/fairlead
    """
    from fairlead.push.push_model import PushModelConfig, push_model
    from fairlead.settings import read_settings

    named = {"service": service, "target": target, "namespace": namespace, "storage": storage}
    result = push_model(model, PushModelConfig(**{**named, **read_settings(None, set_ or [])}), uri)
    typer.echo(f"{result.action}   {result.fingerprint[:12]} at {result.url}")
    typer.echo(f"try       {result.curl}")


@app.command()
def rollback(
    service: Annotated[str, typer.Argument(help="An InferenceService's name.")],
    namespace: Annotated[str, typer.Option(help="Its namespace.  [default: the context's]")] = "",
) -> None:
    """Serve again what a service in a cluster served before."""
    from fairlead.push.kserve.roll_back import roll_back

    back = roll_back(service, namespace)
    typer.echo(f"serves    {back.revision.fingerprint[:12] or back.revision.storage} at {back.url}")


@app.command()
def trace(
    model: Annotated[str, typer.Argument(help="A service's name, or the folder of a model.")],
    namespace: Annotated[str, typer.Option(help="Of an InferenceService; without it, a local service is meant.")] = "",
) -> None:
    """Trace a served model back to its data, config and code."""
    from fairlead.trace import trace_model, trace_service

    typer.echo(_yaml(trace_service(model, namespace) if namespace else trace_model(model)))


@app.command()
def predict(
    model: Annotated[str, typer.Argument(help="A local service's name, or the folder of a model.")],
    rows: Annotated[Path, typer.Argument(help="A .csv, .parquet or .json (one object per row) file.")],
) -> None:
    """Answer for the rows of a file, as JSON lines."""
    from fairlead.predict import predict_rows

    for line in predict_rows(model, rows):
        typer.echo(line)


@app.command()
def stop(service: Annotated[str, typer.Argument(help="A local service's name.")]) -> None:
    """Stop a local service.

    Its requests are answered first; a later push finds its port again.
    """
    from fairlead.push.stop_service import stop_service

    typer.echo("stopped" if stop_service(service) else "it had stopped already")


@app.command()
def doctor(
    cluster: Annotated[Path | None, typer.Option(help="A YAML file that says where a cluster is.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out what starts pods.")] = False,
) -> None:
    """Look for what would keep a run or a push from its end.

    Each line is ok, skip with a reason, or FIX with the command that mends it. Without --quick a run and a service read
    a small object that is written for them, and everything is removed again.
    """
    from fairlead.doctor.examine import examine

    if not examine(cluster, quick=quick, tell=typer.echo):
        raise typer.Exit(ClusterError.exit_code)


def _yaml(value: Any) -> str:
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110).rstrip()
