"""The manifests for Kubernetes: valid by its schemas, consistent, and served by a real instance."""

import copy
import re
import signal
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from server.settings import read_settings
from tests.support.deployment import manifest, manifests
from tests.support.process import LOOPBACK, ServerProcess, answer_of, free_port

_FOLDERS = ("serve", "migrate")
# The oldest in which all fields are on by default, and the newest that the schemas know.
_VERSIONS = ("1.31", kubernetes_validate.latest_version())
_CUSTOM = "Kustomization"


def _objects() -> Iterator[Any]:
    for folder in _FOLDERS:
        for objects in manifests(folder).values():
            yield from (one for one in objects if one["kind"] != _CUSTOM)


def _pods() -> list[Any]:
    found = [manifest("Deployment"), manifest("Job", "tessera-migrate")]
    return [one["spec"]["template"] for one in found]


def _is_selected(labels: dict[str, str], pod: Any) -> bool:
    has: dict[str, str] = pod["metadata"]["labels"]
    return labels.items() <= has.items()


@pytest.mark.parametrize("version", _VERSIONS)
def test_every_object_is_valid(version: str) -> None:
    kinds = set()
    for one in _objects():
        kubernetes_validate.validate(one, version, strict=True)
        kinds.add(one["kind"])
    assert {"Deployment", "Job", "PodDisruptionBudget", "Service", "NetworkPolicy"} < kinds


def test_the_schemas_refuse_a_misspelt_field() -> None:
    wrong = copy.deepcopy(manifest("Deployment"))
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(wrong, _VERSIONS[-1], strict=True)


def test_a_kustomization_takes_every_file_of_its_folder_and_one_image() -> None:
    images = []
    for folder in _FOLDERS:
        files = dict(manifests(folder))
        ((chosen,),) = [files.pop("kustomization.yaml")]
        assert sorted(chosen["resources"]) == sorted(files)
        images.append(chosen["images"])
    assert images[0] == images[1]
    names = {container["image"] for pod in _pods() for container in pod["spec"]["containers"]}
    assert names == {images[0][0]["name"]}


def test_no_pod_has_rights_a_token_of_the_cluster_or_a_root_to_write_to() -> None:
    for pod in _pods():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert "memory" in container["resources"]["limits"]


def test_service_and_budget_select_the_instances_and_not_the_migration() -> None:
    serving, migrating = _pods()
    service, budget = manifest("Service"), manifest("PodDisruptionBudget")
    deployment, policy = manifest("Deployment")["spec"], manifest("NetworkPolicy")["spec"]
    selected = [
        service["spec"]["selector"],
        budget["spec"]["selector"]["matchLabels"],
        deployment["selector"]["matchLabels"],
        serving["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ]
    for labels in selected:
        assert _is_selected(labels, serving)
        assert not _is_selected(labels, migrating)
    assert _is_selected(policy["podSelector"]["matchLabels"], serving)
    # One pod may always be taken away while another serves.
    assert budget["spec"]["maxUnavailable"] < deployment["replicas"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    (container,) = serving["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    assert {rule["ports"][0]["port"] for rule in policy["ingress"]} == ports


def test_a_pod_has_time_for_its_delay_and_its_requests() -> None:
    spec = _pods()[0]["spec"]
    arguments = spec["containers"][0]["args"]
    delay = int(arguments[arguments.index("--shutdown-delay") + 1])
    probe = spec["containers"][0]["readinessProbe"]
    assert delay >= probe["periodSeconds"] * probe["failureThreshold"]
    assert spec["terminationGracePeriodSeconds"] >= delay + 30


def test_an_instance_serves_with_the_arguments_and_answers_every_probe(tmp_path: Path) -> None:
    (container,) = _pods()[0]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    settings = dict(manifest("ConfigMap")["data"])
    own = read_settings(settings).metrics_address
    assert own == ("0.0.0.0", ports["metrics"])
    metrics = free_port()
    settings["TESSERA_METRICS_ADDRESS"] = f"{LOOPBACK}:{metrics}"
    serve, *arguments = container["args"]
    assert serve == "serve"
    with ServerProcess(
        tmp_path,
        database_url=f"sqlite://{tmp_path}/tessera.db",
        settings=settings,
        arguments=arguments,
        workers=None,
    ) as server:
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container[name]["httpGet"]
            assert probe["port"] == "http"
            assert answer_of(server.port, probe["path"]) == 200, name
        assert answer_of(metrics, "/metrics") == 200
        assert answer_of(server.port, "/metrics") == 404
        # The later ones start once the first serves.
        wanted = int(arguments[arguments.index("--workers") + 1])
        patience = time.monotonic() + 60
        while (found := _workers(metrics)) != wanted:
            assert time.monotonic() < patience, f"{found} workers\n{server.log()}"
            time.sleep(0.05)
        assert server.stop(signal.SIGINT) == 0  # without the delay after SIGTERM


def _workers(port: int) -> int:
    """How many workers tell their metrics."""
    connection = HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        return len(re.findall(r"(?m)^tessera_worker_up\{.*\} 1", text))
    finally:
        connection.close()


def test_the_secret_alone_holds_secrets() -> None:
    assert not {"TESSERA_DATABASE_URL", "TESSERA_DIGEST_KEY"} & manifest("ConfigMap")["data"].keys()
    serving, migrating = (pod["spec"]["containers"][0]["envFrom"] for pod in _pods())
    assert serving == [
        {"configMapRef": {"name": "tessera"}},
        {"secretRef": {"name": "tessera"}},
    ]
    assert migrating == [{"secretRef": {"name": "tessera-migrate"}}]
