"""Checks of docker-compose.yml that need no Docker."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from operations.queues import QUEUES
from tests.deploy.conftest import ROOT

COMPOSE = ROOT / "docker-compose.yml"
PAPERBOY = {"migrate", "web", "urgent", "mail", "build", "ingest", "beat", "watch"}


def services() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def options(service: dict[str, Any]) -> str:
    return shlex.join(service["command"])


def parse_compose(text: str) -> PyCompose:
    """Substitute variables, resolve anchors and validate, as `docker compose config` does."""
    text = re.sub(r"\$\{\w+:\?[^}]*\}", "value", text)
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text).replace("$$", "$")
    merged = {key: value for key, value in yaml.safe_load(text).items() if key[:2] != "x-"}
    compose = PyCompose.from_yaml(yaml.safe_dump(merged))
    compose.validate()
    return compose


def test_the_compose_file_is_valid() -> None:
    assert set(parse_compose(COMPOSE.read_text()).service_names()) > PAPERBOY


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("stop_grace_period: 60s", "stop_grace_period: soon"),
        ("shm_size:", "shmm_size:"),
        ("condition: service_healthy", "condition: healthy"),
    ],
)
def test_mistakes_in_the_compose_file_are_detected(right: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong.split(" ")[-1].strip(":")):
        parse_compose(COMPOSE.read_text().replace(right, wrong))


def test_all_used_volumes_are_declared() -> None:
    declared = yaml.safe_load(COMPOSE.read_text())["volumes"]
    used = {
        volume.split(":")[0]
        for service in services().values()
        for volume in service.get("volumes", [])
    }
    assert {name for name in used if name[0].isalpha()} == set(declared)


@pytest.mark.parametrize("name", services())
def test_services_restart_and_have_health_checks(name: str) -> None:
    service = services()[name]
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert name == "migrate" or service["healthcheck"]["test"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", sorted(PAPERBOY))
def test_paperboy_services_are_confined_and_stop_gracefully(name: str) -> None:
    service = services()[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["stop_grace_period"] == "60s"


def test_images_and_base_images_are_pinned() -> None:
    images = {service["image"] for service in services().values()} - {"paperboy"}
    bases = set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    for image in images | bases:
        assert re.search(r":\d+\.\d+\.\d+", image), f"{image} is not pinned to a version"


def test_postgres_is_18_with_pgvector_and_redis_never_evicts() -> None:
    assert services()["postgres"]["image"].endswith("-pg18")
    command = options(services()["redis"])
    assert "--maxmemory-policy noeviction" in command
    assert "--appendonly yes" in command


def test_every_queue_has_its_own_worker_and_there_is_one_beat() -> None:
    commands = [options(service) for service in services().values() if "command" in service]
    queues = [match[1] for command in commands if (match := re.search(r"-Q (\S+)", command))]
    assert sorted(queues) == sorted(QUEUES)
    assert sum(" beat " in command for command in commands) == 1


def test_celery_prints_no_banner_between_the_lines_of_a_log_collector() -> None:
    celery = [service for service in services().values() if "celery" in service.get("command", ())]
    assert len(celery) == 5
    assert all(service["command"][:2] == ["celery", "-q"] for service in celery)


def test_only_the_proxy_publishes_ports() -> None:
    assert [name for name, service in services().items() if "ports" in service] == ["caddy"]


def test_only_migrations_connect_as_the_owner_of_the_tables() -> None:
    for name in PAPERBOY:
        user = re.match(r"postgresql://(\w+):", services()[name]["environment"]["DATABASE_URL"])
        assert user
        assert user[1] == ("paperboy_owner" if name == "migrate" else "paperboy_app")


def test_every_required_variable_is_in_the_example() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text()))
    example = (ROOT / "deploy" / "example.env").read_text()
    assert required <= set(re.findall(r"^(\w+)=", example, re.MULTILINE))


def test_mounted_files_exist_and_scripts_are_executable() -> None:
    for service in services().values():
        for volume in service.get("volumes", []):
            if volume.startswith("./deploy/"):
                path = ROOT / volume.split(":")[0]
                assert path.exists()
                assert path.suffix != ".sh" or path.stat().st_mode & 0o111
