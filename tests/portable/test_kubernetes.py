"""The Kubernetes files fit the schemas of Kubernetes, and each other."""

import re
import subprocess

import kubernetes_validate
import pytest
import yaml

from engines import ROOT
from upstreams import PORTCULLIS

FILES = sorted((ROOT / "examples/kubernetes").glob("*.yaml"))
KINDS = ["Deployment", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget", "Secret", "Service"]
# The newest release with a schema in the package, and the oldest that has all of these versions of APIs.
RELEASES = ["1.37", "1.30"]


def read(kind):
    return next(each for each in map(yaml.safe_load, map(open, FILES)) if each["kind"] == kind)


def test_each_kind_has_a_file():
    assert sorted(yaml.safe_load(file.read_text())["kind"] for file in FILES) == KINDS


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_fits_the_schema(file, release):
    resource = yaml.safe_load(file.read_text())
    kubernetes_validate.validate(resource, release, strict=True)
    # The validator does find mistakes.
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(resource | {"sepc": {}}, release, strict=True)


def test_files_name_the_same_pods_and_ports():
    deployment = read("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert "replicas" not in deployment, "each apply would reset what the autoscaler has set"
    assert deployment["selector"]["matchLabels"] == labels
    assert read("Service")["spec"]["selector"] == labels
    assert read("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert read("NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels
    assert read("HorizontalPodAutoscaler")["spec"]["minReplicas"] == 2
    container = deployment["template"]["spec"]["containers"][0]
    policy = read("Secret")["stringData"]["portcullis.toml"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {
        "https": int(re.search(r'listen = ".*:(\d+)"', policy)[1]),
        "health": int(re.search(r'health = ".*:(\d+)"', policy)[1]),
    }
    for variable in container["env"]:
        reference = variable["valueFrom"]["secretKeyRef"]
        assert reference["name"] == read("Secret")["metadata"]["name"]
        assert reference["key"] in read("Secret")["stringData"]


def test_policy_is_one_that_portcullis_accepts_once_its_token_is_replaced(tmp_path):
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=portcullis"]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    key.chmod(0o440)  # as Kubernetes mounts it
    policy = read("Secret")["stringData"]["portcullis.toml"].replace("/run/tls", str(tmp_path))
    file = tmp_path / "portcullis.toml"
    file.write_text(policy)
    # Not with a token that everyone can read here.
    checked = subprocess.run([PORTCULLIS, "check", "--policy", file], capture_output=True, text=True)
    assert checked.returncode != 0 and "sha256" in checked.stderr, checked.stderr
    file.write_text(policy.replace('sha256 = "REPLACE"', f'sha256 = "{"0a" * 32}"'))
    checked = subprocess.run([PORTCULLIS, "check", "--policy", file], capture_output=True, text=True)
    assert checked.returncode == 0 and "orders" in checked.stdout, checked.stderr
    key.chmod(0o444)
    checked = subprocess.run([PORTCULLIS, "check", "--policy", file], capture_output=True, text=True)
    assert checked.returncode != 0 and "tls.key" in checked.stderr, checked.stderr
