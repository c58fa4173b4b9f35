"""Tries suites of expectations on flat columns with Great Expectations, and builds its Data Docs.

The only file that loads Great Expectations, which takes seconds. Nothing of it is written outside the two folders it
is given, nothing is sent anywhere, and nothing is shown.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from string import Template
from typing import Any

import great_expectations as gx
import polars as pl
from great_expectations.checkpoint.actions import UpdateDataDocsAction
from great_expectations.checkpoint.checkpoint import Checkpoint
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
from great_expectations.data_context.types.base import DataContextConfig, ProgressBarsConfig
from great_expectations.exceptions.exceptions import GreatExpectationsError
from great_expectations.expectations.expectation import Expectation as GxExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import list_registered_expectation_implementations
from great_expectations.render.renderer.inline_renderer import InlineRenderer

from components.validation.expectations import data_docs
from components.validation.expectations.suites import Expectation, Suite, near, wrong

KEPT = 200  # results of each suite that the pages show


@dataclass(frozen=True)
class Tried:
    """What came of one suite.

    Attributes:
        met: how many expectations hold.
        asked: how many were asked.
        failures: a sentence for each that does not.
        page: address of the page of Data Docs about it.
    """

    met: int
    asked: int
    failures: tuple[str, ...]
    page: str


def run(
    batch: str,
    at: datetime,
    subjects: Mapping[str, tuple[Suite, pl.DataFrame]],
    parameters: dict[str, list[str]],
    results: Path,
    docs: Path,
) -> dict[str, Tried]:
    """Run a checkpoint for each suite, and bring Data Docs up to date.

    Args:
        batch: the name of what is looked at.
        at: when, UTC.
        subjects: kind of record to its suite and the flat columns to hold it against.
            Where there is no row, nothing is tried.
        parameters: what is filled in where a suite says so.
        results: the folder where Great Expectations keeps what came of earlier batches.
        docs: the folder of Data Docs.

    Raises:
        BadInput: an expectation is not one of Great Expectations, or cannot be asked as it is written.
    """
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    data_docs.prune(results, KEPT)
    context = _context(results, docs)
    # All suites before the first checkpoint: the page of a suite that the context does not know is taken away.
    suites = {kind: _suite(context, suite, flat, parameters) for kind, (suite, flat) in subjects.items()}
    source = context.data_sources.add_pandas("heed")
    tried = {}
    for kind, (suite, flat) in subjects.items():
        if flat.is_empty():
            continue
        rows = source.add_dataframe_asset(kind).add_batch_definition_whole_dataframe(batch)
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(name=kind, data=rows, suite=suites[kind])
        )
        checkpoint = Checkpoint(
            name=kind,
            validation_definitions=[definition],
            actions=[UpdateDataDocsAction(name="data docs")],
            result_format="BASIC",
        )
        done = context.checkpoints.add(checkpoint).run(
            batch_parameters={"dataframe": flat.to_pandas()},
            expectation_parameters=parameters,
            run_id=RunIdentifier(run_name=batch, run_time=at),
        )
        [(identifier, outcome)] = done.run_results.items()
        [site] = context.get_docs_sites_urls(resource_identifier=identifier)
        tried[kind] = _tried(suite, outcome.results, str(site["site_url"]))
    return tried


def _context(results: Path, docs: Path) -> EphemeralDataContext:
    """A context that keeps the results of validations and the pages, and all else in memory."""

    def on_disk(folder: Path) -> dict[str, str]:
        return {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.absolute())}

    def store(name: str, backend: dict[str, str]) -> dict[str, Any]:
        return {"class_name": name, "store_backend": backend}

    in_memory = {"class_name": "InMemoryStoreBackend"}
    page = {"module_name": data_docs.__name__, "class_name": data_docs.Page.__name__}
    config = DataContextConfig(
        config_version=4.0,
        stores={
            "expectations_store": store("ExpectationsStore", in_memory),
            "checkpoint_store": store("CheckpointStore", in_memory),
            "validation_definition_store": store("ValidationDefinitionStore", in_memory),
            "validation_results_store": store("ValidationResultsStore", on_disk(results)),
        },
        expectations_store_name="expectations_store",
        checkpoint_store_name="checkpoint_store",
        validation_results_store_name="validation_results_store",
        data_docs_sites={
            "heed": {
                "class_name": data_docs.Site.__name__,
                "module_name": data_docs.__name__,
                "show_how_to_buttons": False,
                "store_backend": on_disk(docs),
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "view": page},
                "site_section_builders": {
                    "expectations": {"view": page},
                    "validations": {"view": page},
                    "profiling": "None",
                },
            }
        },
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
    )
    return gx.get_context(project_config=config, mode="ephemeral")


def _suite(
    context: EphemeralDataContext, suite: Suite, flat: pl.DataFrame, parameters: dict[str, list[str]]
) -> gx.ExpectationSuite:
    asked = [_in_gx(suite, expected) for expected in suite.expectations if expected.is_asked_of(flat, parameters)]
    return context.suites.add(gx.ExpectationSuite(name=suite.kind, expectations=asked, notes=suite.notes or None))


def _in_gx(suite: Suite, expected: Expectation) -> GxExpectation:
    try:
        return ExpectationConfiguration(
            type=expected.type,
            kwargs=expected.kwargs,
            meta={"number": expected.number},
            notes=expected.notes or None,
        ).to_domain_obj()
    except GreatExpectationsError:
        known = list_registered_expectation_implementations()
        fix = f"{near(expected.type, known)}docs.greatexpectations.io lists them all."
        raise wrong(suite.file, expected, "Great Expectations has no such expectation", fix) from None
    except ValueError as error:
        said = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())  # type: ignore[attr-defined]
        raise wrong(suite.file, expected, said.replace("__root__: ", ""), "Correct its kwargs.") from None


def _tried(suite: Suite, results: Sequence[ExpectationValidationResult], page: str) -> Tried:
    by_number = {_number(result): result for result in results}
    failures = []
    for number, result in sorted(by_number.items()):
        if result.success:
            continue
        expected = suite.expectations[number - 1]
        if raised := _raised(result):
            fix = "Correct it; the column may hold texts where it needs numbers, or numbers where it needs texts."
            raise wrong(suite.file, expected, f"cannot be asked: {raised}", fix)
        failures.append(_sentence(expected, result))
    return Tried(met=len(results) - len(failures), asked=len(results), failures=tuple(failures), page=page)


def _number(result: ExpectationValidationResult) -> int:
    assert result.expectation_config
    return int(result.expectation_config.meta["number"])


def _raised(result: ExpectationValidationResult) -> str | None:
    """What went wrong where an expectation could not be tried at all."""
    info = result.exception_info or {}
    told = [info] if "raised_exception" in info else list(info.values())
    messages = [str(one["exception_message"]) for one in told if one["raised_exception"]]
    return " ".join(messages[0].split()) if messages else None


def _sentence(expected: Expectation, result: ExpectationValidationResult) -> str:
    """What was expected, as Great Expectations says it, what was found, and why it was expected."""
    said = {block.name: block.value for block in InlineRenderer(render_object=result).get_rendered_content()}
    rule = _filled_in(said.get("atomic.prescriptive.summary"))
    found = _filled_in(said.get("atomic.diagnostic.observed_value"))
    rule = rule or f"{expected.type.replace('_', ' ')}, of {', '.join(expected.columns) or 'the table'}"
    found = found or str(result.result.get("observed_value", "nothing"))
    # Of a set that should be there, Great Expectations names what is not.
    found = f"missing {found}" if "partial_missing_list" in result.result else f"found {found}"
    why = f"; {expected.notes}" if expected.notes else ""
    return f"{rule.strip().rstrip('.')}: {found}{why}"


def _filled_in(value: Any) -> str:
    template = getattr(value, "template", None)
    if not template:
        return ""
    params = {name: _short(param["value"]) for name, param in (value.params or {}).items()}
    return Template(template).safe_substitute(params)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"
    return str(value)
