"""Commands on an index at an address, by ``--index`` and by the environment; its password is never shown."""

from __future__ import annotations

import json
from pathlib import Path

import addressed
import database
import pytest
import qdrant_rest
from command import run_cli

from imagefinder.index import shared

PICTURES = Path(__file__).resolve().parents[2] / "examples" / "images"


def test_commands_take_an_address(postgres: database.Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared, "_folder_of", lambda site: addressed._made(tmp_path / site.name))
    at = postgres.address().replace("tester@", "tester:s3cret@")
    none = run_cli("search", "a dog", "--index", at)
    assert none.returncode == 3 and "There is no index at postgresql://tester:***@" in none.stderr
    doctor = run_cli("doctor", "--json", "--index", at)
    assert "none at postgresql://" in doctor.stdout
    made = run_cli("index", PICTURES / "medical", "--index", at)
    assert made.returncode == 0 and "3 images" in made.stderr
    found = run_cli("search", "a syringe", "--json", IMAGEFINDER_INDEX=at)
    assert len(json.loads(found.stdout)["hits"]) == 3
    info = run_cli("info", "--json", IMAGEFINDER_INDEX=at)
    assert json.loads(info.stdout)["path"] == at.replace("s3cret", "***")
    doctor = run_cli("doctor", "--json", IMAGEFINDER_INDEX=at)
    assert json.loads(doctor.stdout)["ok"] and "it can be read" in doctor.stdout
    listed = run_cli("duplicates", "decisions", "--index", at)
    rebuilt = run_cli("index", "--rebuild", "--index", at)
    assert rebuilt.returncode == 2 and "in a folder" in rebuilt.stderr
    wrong = run_cli("info", "--index", "mysql://me:s3cret@host/db/x")
    assert wrong.returncode == 2 and "postgresql://" in wrong.stderr
    for done in (none, doctor, made, found, info, listed, rebuilt, wrong):
        assert "s3cret" not in done.stdout + done.stderr


def test_commands_take_an_address_of_qdrant_and_its_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared, "_folder_of", lambda site: addressed._made(tmp_path / site.name))
    with qdrant_rest.speaking(key="s3cret") as server:
        at = server.address()
        with_key = server.address(settings="api_key=s3cret")
        none = run_cli("search", "a dog", "--index", with_key)
        assert none.returncode == 3 and f"There is no index at {at}" in none.stderr
        made = run_cli("index", PICTURES / "medical", "--index", at, QDRANT_API_KEY="s3cret")
        assert made.returncode == 0 and "3 images" in made.stderr
        found = run_cli("search", "a syringe", "--json", IMAGEFINDER_INDEX=at, QDRANT_API_KEY="s3cret")
        assert len(json.loads(found.stdout)["hits"]) == 3
        info = run_cli("info", "--json", IMAGEFINDER_INDEX=with_key)
        assert json.loads(info.stdout)["path"] == at and json.loads(info.stdout)["bytes"] > 0
        doctor = run_cli("doctor", "--json", IMAGEFINDER_INDEX=with_key)
        assert json.loads(doctor.stdout)["ok"] and "it can be read" in doctor.stdout
        refused = run_cli("info", "--index", at)
        assert refused.returncode != 0 and "QDRANT_API_KEY" in refused.stderr
        wrong = run_cli("info", "--index", f"{with_key}&shard=3")
        assert wrong.returncode != 0 and "shards" in wrong.stderr
        for done in (none, made, found, info, doctor, refused, wrong):
            assert "s3cret" not in done.stdout + done.stderr
