"""`deploy` and `submit`: how a run gets onto AWS."""

from __future__ import annotations

import argparse
import json
import logging
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from obs2seq.commands.launched import add_values, clients_of, follow_to_the_end, hours, values_of
from obs2seq.commands.runs import run
from obs2seq.errors import ConfigurationError
from obs2seq.settings import add_settings_arguments, given_settings

if TYPE_CHECKING:
    from obs2seq.launch.launch import Launch
    from obs2seq.launch.placement import Placement
    from obs2seq.launch.target import Request, Target
    from obs2seq.launch.values import LaunchValues

logger = logging.getLogger(__name__)
_CLUSTERS, _ATHENA = ("ec2", "serverless", "glue"), "athena"


def add_deploy(parser: argparse.ArgumentParser) -> None:
    """Put the package on S3; what is there already is left alone."""
    _add_target(parser, _CLUSTERS)
    add_values(parser)
    parser.set_defaults(command=_deploy)


def add_submit(parser: argparse.ArgumentParser) -> None:
    """Run the job on AWS: package it, put it on S3, start it, and wait for its end. Prints the run's id."""
    _add_target(parser, (*_CLUSTERS, _ATHENA))
    add_values(parser)
    parser.add_argument("--templates", type=Path, default=Path("emr"), metavar="FOLDER", help="templates of requests")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the requests as JSON, and make none; a real run's name stands for its input's files too",
    )
    parser.add_argument("--no-wait", action="store_true", help="do not wait for the run's end")
    parser.add_argument("--again", action="store_true", help="run also where the same was run before")
    parser.add_argument("--max-hours", type=hours, default=4.0, metavar="H", help="cancel the run after so long")
    parser.add_argument("--cancel-on-interrupt", action="store_true", help="cancel the run on Ctrl-C")
    add_settings_arguments(parser, {"mode": "the target's"})
    parser.set_defaults(command=_submit)


def _add_target(parser: argparse.ArgumentParser, targets: tuple[str, ...]) -> None:
    parser.add_argument("--target", required=True, choices=targets, help="what runs it")
    parser.add_argument("--dist", type=Path, default=Path("dist"), metavar="FOLDER", help="where the package is made")


def _deploy(arguments: argparse.Namespace) -> None:
    from obs2seq.launch.targets import TARGETS
    from obs2seq.launch.values import required

    values = values_of(arguments)
    required(values, ["code_location"], arguments.target)
    placement = _placement(arguments, TARGETS[arguments.target], values)
    for location in _deployed(placement, values):
        print(location)


def _submit(arguments: argparse.Namespace) -> None:
    from obs2seq.launch.inputs import input_digest
    from obs2seq.launch.targets import TARGETS

    values = values_of(arguments)
    if arguments.target == _ATHENA:
        _submit_to_athena(arguments, values)
        return
    kind = TARGETS[arguments.target]
    launch = _launch(arguments, values)
    target = kind(clients_of(values))
    target.check(launch)
    if not arguments.dry_run:
        target.check_place(launch)
    launch = replace(launch, placement=_placement(arguments, kind, values))
    if arguments.dry_run:
        _print_requests(target, launch)
        return
    run_id = _started(target, replace(launch, input_digest=input_digest(launch.settings, values.region)))
    print(run_id, flush=True)
    if not arguments.no_wait:
        follow_to_the_end(target, run_id, arguments)
        logger.info("published below %s", launch.settings.output_s3_location)
    elif not target.ends_late_runs:
        logger.warning("nobody ends it after %g h; 'obs2seq wait %s' does", launch.max_hours, run_id)


def _launch(arguments: argparse.Namespace, values: LaunchValues) -> Launch:
    from obs2seq.launch.arguments import job_settings
    from obs2seq.launch.launch import Launch

    given = given_settings(arguments)
    if "mode" in given:
        raise ConfigurationError(
            "option --mode", f"expected none beside --target {arguments.target}, found one", "leave it out"
        )
    return Launch(
        target=arguments.target,
        settings=job_settings(_given(arguments), arguments.config),
        values=values,
        placement=None,
        max_hours=arguments.max_hours,
        templates=arguments.templates,
        again=uuid.uuid4().hex if arguments.again else "",
    )


def _given(arguments: argparse.Namespace) -> dict[str, object]:
    given = given_settings(arguments)
    if "mode" in given:
        raise ConfigurationError(
            "option --mode", "expected --target alone to say where to run, found both", "leave it out"
        )
    return given


def _submit_to_athena(arguments: argparse.Namespace, values: LaunchValues) -> None:
    """Run it from here: Athena answers queries, and what they make is published by who asks them."""
    from obs2seq.commands.sql import order_for
    from obs2seq.launch.athena import athena_requests, athena_settings

    if arguments.no_wait:
        hint = "leave it out; on Ctrl-C the query under way is stopped"
        raise ConfigurationError("option --no-wait", "expected a target that runs by itself, found athena", hint)
    given = _given(arguments) | ({"force": True} if arguments.again else {})
    settings = athena_settings(given, arguments.config, max_hours=arguments.max_hours, values=values)
    if arguments.dry_run:
        _print(athena_requests(settings, [order_for(settings, subset) for subset in settings.subsets]))
        return
    run(settings)


def _placement(arguments: argparse.Namespace, kind: type[Target], values: LaunchValues) -> Placement:
    """Make the package, or take what is made already."""
    from obs2seq.launch.placement import placed
    from obs2seq.launch.releases import emr_runtime, glue_runtime
    from obs2seq.packaging import make_package, target_for

    is_glue = kind.name == "glue"
    runtime = glue_runtime(values.glue_version) if is_glue else emr_runtime(values.release_label, values.architecture)
    made_for = target_for(runtime.python, runtime.architecture)
    package = make_package(made_for, arguments.dist, has_dependencies="dependencies" in kind.roles)
    return placed(package, kind.roles, str(values.code_location))


def _deployed(placement: Placement, values: LaunchValues) -> list[str]:
    from obs2seq.launch.deploy import deploy

    locations = []
    for location, is_new in deploy(placement, values):
        logger.info("%s %s", "uploaded" if is_new else "already there:", location)
        locations.append(location)
    return locations


def _print_requests(target: Target, launch: Launch) -> None:
    from obs2seq.launch.deploy import upload_requests

    uploads = upload_requests(launch.placement, launch.values) if launch.placement else []
    _print([*uploads, *target.requests(launch)])


def _print(requests: Sequence[Request]) -> None:
    print(json.dumps([request.shown() for request in requests], indent=2))


def _started(target: Target, launch: Launch) -> str:
    """Start the run, unless one of the same settings, code and input is under way or has succeeded."""
    from obs2seq.launch.target import existing

    run = existing(target.runs(launch))
    if run is None:
        if launch.placement:
            _deployed(launch.placement, launch.values)
        run_id = target.submit(launch)
        logger.info("started %s as %s", run_id, launch.name)
        return run_id
    done = "has succeeded before" if run.status.state.is_final else f"is under way ({run.status.word})"
    logger.info("%s, of the same settings, code and input, %s; run it once more with --again", run.id, done)
    return run.id
