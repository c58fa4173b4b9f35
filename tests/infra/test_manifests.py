"""What no container engine runs here is checked by the published schemas, and against the one list of what runs."""

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import mlflow.environment_variables
import prefect.settings
import pytest
import yaml

from components.config.loading import keys
from flows.services import NAMES

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
COMPOSE = yaml.safe_load((INFRA / "compose.yaml").read_text())
KUBERNETES = "1.34"
FILES = sorted(file for file in (INFRA / "kubernetes").glob("*.yaml") if file.name != "kustomization.yaml")
KUSTOMIZATION = yaml.safe_load((INFRA / "kubernetes" / "kustomization.yaml").read_text())
DOCKERFILE = (INFRA / "Dockerfile").read_text()
EXAMPLE = dict(line.split("=", 1) for line in (INFRA / "env.example").read_text().splitlines() if "=" in line[:60])
EXAMPLE = {name: value for name, value in EXAMPLE.items() if not name.startswith("#")}

READ_BY_OTHERS = {
    "COMPOSE_PROFILES": "Docker Compose",
    "POSTGRES_USER": "PostgreSQL's image",
    "POSTGRES_PASSWORD": "PostgreSQL's image",
    "PGDATA": "PostgreSQL's image",
    "MINIO_ROOT_USER": "MinIO",
    "MINIO_ROOT_PASSWORD": "MinIO",
    "AWS_ACCESS_KEY_ID": "every S3 client",
    "AWS_SECRET_ACCESS_KEY": "every S3 client",
    "AWS_ENDPOINT_URL": "every S3 client",
    "AWS_DEFAULT_REGION": "every S3 client",
    "DVC_REMOTE": "infra/begin.py",
}


def objects(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text()))


def pods() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """File, spec and container of everything that Kubernetes runs."""
    for file in FILES:
        for found in objects(file):
            if template := found["spec"].get("template") if "spec" in found else None:
                [container] = template["spec"]["containers"]
                yield file.stem, template["spec"], container


def told_by_compose(service: dict[str, Any]) -> dict[str, str]:
    """Variable to value; what comes from the environment as $(NAME)."""
    return {
        name: re.sub(r"\$\{(\w+)(:[?-])?\}", r"$(\1)", str(value)) for name, value in service["environment"].items()
    }


def told_by_kubernetes(container: dict[str, Any]) -> dict[str, str]:
    """The same of a container."""
    maps = {
        found["metadata"]["name"]: found["data"] for found in objects(INFRA / "kubernetes" / "settings.yaml") if found
    }
    told: dict[str, str] = {}
    for source in container.get("envFrom", []):
        told |= maps[source["configMapRef"]["name"]]
    for one in container["env"]:
        told[one["name"]] = one["value"] if "value" in one else f"$({one['valueFrom']['secretKeyRef']['key']})"
    return told


def heed_services() -> dict[str, dict[str, Any]]:
    """Those of compose that run what `heed up` runs."""
    return {name: one for name, one in COMPOSE["services"].items() if one.get("command", [""])[:1] == ["up"]}


def test_compose_keeps_to_the_specification() -> None:
    schema = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(COMPOSE, json.loads(schema.read_text()))
    broken = {**COMPOSE, "services": {"one": {"imagee": "x"}}}
    with pytest.raises(jsonschema.ValidationError, match="imagee"):
        jsonschema.validate(broken, json.loads(schema.read_text()))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_kubernetes_objects_keep_to_its_api(file: Path) -> None:
    for found in objects(file):
        kubernetes_validate.validate(found, KUBERNETES, strict=True)


def test_kustomize_names_every_file_but_the_other_training_worker() -> None:
    named = set(KUSTOMIZATION["resources"])
    assert {file.name for file in FILES} - named == {"training-worker.yaml"}
    assert named <= {file.name for file in FILES}


def test_containers_run_the_one_list() -> None:
    of_compose = [one["command"] for one in heed_services().values()]
    of_kubernetes = [container["args"] for _, _, container in pods() if container.get("args", [""])[0] == "up"]
    for commands in (of_compose, of_kubernetes):
        assert {tuple(command[:2]) for command in commands} == {("up", "--only")}
        assert {command[2] for command in commands} == set(NAMES)
        assert all(len(command) == 3 for command in commands)
    assert re.search(r'^ENTRYPOINT \["heed"\]$', DOCKERFILE, re.MULTILINE)
    assert not any("entrypoint" in one for one in heed_services().values())


def test_a_service_is_told_the_same_by_compose_and_by_kubernetes() -> None:
    of_kubernetes = {name: told_by_kubernetes(container) for name, _, container in pods()}
    for name in ("begin", *heed_services()):
        # Kubernetes puts it into addresses by its name, so it has to stand there itself.
        of_kubernetes[name].pop("POSTGRES_PASSWORD", None)
        assert told_by_compose(COMPOSE["services"][name]) == of_kubernetes[name], name


def test_both_run_the_same_images() -> None:
    of_compose = {name: one["image"] for name, one in COMPOSE["services"].items()}
    assert of_compose == {name: container["image"] for name, _, container in pods()}
    images = [*of_compose.values(), *re.findall(r"^ARG PYTHON=(.*)$", DOCKERFILE, re.MULTILINE)]
    assert all(re.search(r"(:|^)[\w.-]*\d+\.\d+[\w.-]*$|:RELEASE\.\d{4}", image) for image in images), images


def test_every_variable_is_read_by_somebody() -> None:
    told = {name for one in COMPOSE["services"].values() for name in one.get("environment", {})}
    told |= {name for _, _, container in pods() for name in told_by_kubernetes(container)}
    ours = {f"HEED_{key.replace('.', '_').upper()}" for key in keys()}
    for name in told | set(EXAMPLE):
        if name.startswith("HEED_"):
            assert name in ours
        elif name.startswith("PREFECT_"):
            assert hasattr(prefect.settings, name), name
        elif name.startswith("MLFLOW_"):
            assert hasattr(mlflow.environment_variables, name), name
        else:
            assert name in READ_BY_OTHERS


def test_no_secret_stands_in_a_manifest_and_the_example_names_them_all() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (INFRA / "compose.yaml").read_text()))
    assert asked == set(EXAMPLE) - {"COMPOSE_PROFILES"}
    everything = [told_by_compose(one) for one in COMPOSE["services"].values() if "environment" in one]
    everything += [told_by_kubernetes(container) for _, _, container in pods()]
    secret = re.compile("PASSWORD|SECRET|KEY|AUTH_STRING|DATABASE|STORE|USERNAME|WEBHOOK")
    for told in everything:
        for name, value in told.items():
            assert not secret.search(name) or "$(" in value, f"{name} = {value}"
            assert set(re.findall(r"\$\((\w+)\)", value)) <= asked
    assert {value for name, value in EXAMPLE.items() if secret.search(name)} == {""}
    assert not any(found["kind"] == "Secret" for file in FILES for found in objects(file))


def test_whatever_stays_says_whether_it_is_well_and_asks_for_what_it_needs() -> None:
    for name, one in COMPOSE["services"].items():
        if name != "begin":
            assert one["healthcheck"]["test"][0] == "CMD"
            assert one["restart"] == "unless-stopped"
    for one in heed_services().values():
        assert one["healthcheck"]["test"][1:] == ["python", "-m", "flows.alive", one["command"][2]]
    for name, spec, container in pods():
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert container["resources"]["limits"]["memory"]
        assert name == "begin" or "livenessProbe" in container
        assert spec["enableServiceLinks"] is False, "HEED_… and MLFLOW_… variables would be made up by Kubernetes"


def test_a_gpu_is_asked_for_where_training_runs_on_one() -> None:
    [container] = [container for name, _, container in pods() if name == "training-worker-gpu"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    worker = COMPOSE["services"]["training-worker-gpu"]
    [device] = worker["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    # One of them at a time: `COMPOSE_PROFILES` says which.
    assert (worker["profiles"], COMPOSE["services"]["training-worker"]["profiles"]) == (["gpu"], ["cpu"])


def test_nothing_runs_as_root() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert re.findall(r"^USER (.*)$", last, re.MULTILINE) == ["1000:1000"]
    for name, spec, container in pods():
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == (999 if name == "postgres" else 1000)
        assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_the_image_is_made_of_what_is_there_and_of_what_is_locked() -> None:
    copied = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if re.match("COPY (?!--from)", line)]
    sent = re.findall(r"^!(.*)$", (INFRA / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert sorted(path for paths in copied for path in paths) == sorted(sent)
    assert all((ROOT / path).exists() for path in sent)
    assert "--requirement /opt/heed/requirements.lock" in DOCKERFILE
    assert re.search("^torch==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
