"""Examine: from a dataset version to what the audits find in it and what the data gate says."""

from pathlib import Path

import polars as pl
from prefect import flow

from components import cluster, tracking
from components.records.handles import DatasetVersion, Examination
from components.records.identity import fingerprint
from components.records.schemas import KINDS
from components.validation import acceptance, expectations, quarantine
from components.validation.expectations import Expected
from components.validation.gate import DEFAULT_POLICY, decide, read_policy
from components.workspace import Workspace, versions
from flows.engine import origin, step


@flow(name="examine", validate_parameters=False)
def examine(workspace: Workspace, dataset: DatasetVersion) -> Examination:
    """Look a dataset version over; what was examined under the same policy is not examined again."""
    policy = policy_file(workspace)
    read_policy(policy)  # a policy that cannot be read is said before anything is computed
    before = acceptance.last_accepted(workspace, dataset.hash)
    suites = [suite.file.read_text() for suite in expectations.read(workspace).values()]
    expected = _of_new_batches(workspace, dataset, before)
    told = (
        policy.read_text(),
        suites,
        quarantine.rows(workspace.quarantine).filter(pl.col("state") == "waiting").height,
    )
    return look(workspace, dataset, before, fingerprint(*told), expected)


def _of_new_batches(workspace: Workspace, dataset: DatasetVersion, before: str | None) -> tuple[Expected, ...]:
    """What came of every batch that nobody has accepted yet; those that were not looked at as they landed are now."""
    return tuple(
        expectations.came_of(workspace, batch)
        or expectations.check(
            workspace, batch, *(versions.scan_batch(workspace, batch, kind) for kind in ("feedback", "preferences"))
        )
        for batch in acceptance.batches_since(workspace, before, dataset.hash)
    )


def policy_file(workspace: Workspace) -> Path:
    """The workspace's own policy of the data gate, or the one that heed brings."""
    return workspace.data_gate_file if workspace.data_gate_file.exists() else DEFAULT_POLICY


def report_of(workspace: Workspace, examined: Examination) -> Path:
    """The page of an examination; taken from its MLflow run where it is gone from the workspace."""
    page = Path(examined.report)
    if not page.exists():
        page.parent.mkdir(parents=True, exist_ok=True)
        tracking.client(workspace).download_artifacts(examined.run_id, page.name, str(page.parent))
    return page


@step("evaluate", part="data gate")
def look(
    workspace: Workspace,
    key: str,
    dataset: DatasetVersion,
    before: str | None,
    policy: str,
    batches: tuple[Expected, ...],
) -> Examination:
    """Let every audit look, hold what they find and what came of the batches against the policy, write the report."""
    from components.drawing import drawn
    from components.training import ensemble
    from components.validation.audits import audit
    from components.validation.material import Material
    from components.validation.publishing import publish, publish_expected
    from components.validation.report import Subject, page
    from components.workspace.files import place_text

    records = {kind: versions.read(workspace, dataset, kind) for kind in KINDS}
    earlier = {kind: versions.read(workspace, before, kind) for kind in KINDS} if before else {}
    preferences = records["preferences"]
    material = Material(
        preferences=preferences,
        interactions=records["interactions"],
        feedback=records["feedback"],
        accepted=earlier.get("preferences", preferences.clear()),
        margins=cluster.run(ensemble.margins, preferences, seed=workspace.settings.evaluate.seed),
        resamples=workspace.settings.evaluate.resamples,
        seed=workspace.settings.evaluate.seed,
    )
    findings = cluster.run(audit, material)
    newest = acceptance.newest_batch(workspace, dataset.hash)
    whole = expectations.check(workspace, expectations.WHOLE, records["feedback"].lazy(), preferences.lazy())
    measures = {name: estimate for finding in findings.values() for name, estimate in finding.measures.items()}
    measures |= whole.measures | expectations.of_all(batches)
    measures |= quarantine.waiting(workspace.quarantine, landed=sum(frame.height for frame in records.values()))
    verdict = decide(measures, read_policy(policy_file(workspace)))
    subject = Subject(
        dataset=dataset.hash,
        batch=newest,
        counts=tuple((kind, frame.height, _new(frame, earlier.get(kind))) for kind, frame in records.items()),
        beside=tuple(sentence for one in (whole, *batches) for sentence in one.sentences),
    )
    report = workspace.reports / f"{dataset.hash[:12]}-{key[:8]}.html"
    with tracking.run(workspace, "data", key, dataset, {"since": before or "the beginning"}, origin()) as run:
        pictures = {name: drawn(finding.figure) for name, finding in findings.items()}
        place_text(report, page(subject, verdict, findings, pictures, preferences))
        publish(findings, pictures, verdict, report)
        publish_expected(whole, batches)
    return Examination(
        dataset=dataset.hash,
        verdict=verdict,
        measures=measures,
        sentences={name: finding.sentence for name, finding in findings.items()},
        run_id=run.info.run_id,
        report=str(report),
    )


def _new(frame: pl.DataFrame, earlier: pl.DataFrame | None) -> int:
    return frame.height if earlier is None else frame.join(earlier, on="id", how="anti").height
