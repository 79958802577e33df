"""Which files look like secrets by name or by how they begin, and which only look a little like them."""

import pytest

from handrail.core.policy.values import not_secret
from handrail.core.secret_files import BEGINS_LIKE, SECRET_FILES, beginning_of

KEY_ID = "AKIAQ3EGXAMPLEKEYABC"
SECRET = "abcd/EFGH+" * 4


@pytest.mark.parametrize(
    "path",
    [
        "credentials.csv",
        *("rootkey.csv", "dev_accessKeys.csv", "aws_credentials", ".envrc", "env.prod", "secret-prod.yml"),
        *("secrets.yaml", ".s3cfg", ".boto", ".vault-token", ".my.cnf", ".dockercfg", "kubeconfig", "sa-key.json"),
        "secring.gpg",
        *(".config/gh/hosts.yml", "home/.config/gh/hosts.yml", "id_ed25519", "deploy_rsa", "x.p8", "a.ovpn"),
        *("client_secret_1.apps.json", "application_default_credentials.json", "prod.tfvars", "credentials.tfrc.json"),
        *(".docker/config.json", "x/.kube/config", ".ssh/known_hosts", ".vault_pass.txt", "WP-Config.php", ".DEV.VARS"),
        *("access_keys.csv", "credentials-prod.csv", "credentials.toml", ".env-prod", ".env_local", ".envs/a"),
        *(".aws-credentials", ".oci/config", "kube-config.yaml", "token.json", "password.yml", "secrets", ".Renviron"),
        *("sub/Credentials.CSV", "a/.npmrc", ".cargo/credentials.toml", "etc/shadow", ".bash_history", "user.keytab"),
    ],
)  # fmt: skip
def test_a_secret_by_its_name(path: str) -> None:
    assert not not_secret(SECRET_FILES, path)


@pytest.mark.parametrize(
    "path",
    [
        *(".env.example", ".env.sample", "id_rsa.pub", "secretary.txt", "env.html", "environment.html", "index.html"),
        *("secrets.html", "keynote.txt", "tokens.css", "identity/index.js", "locales/en/auth.json", "monkey.png"),
        *("about-credentials.md", "package.json", "shadow.css", ".env.template", "assets/app.js"),
    ],
)  # fmt: skip
def test_no_secret_by_its_name(path: str) -> None:
    assert not_secret(SECRET_FILES, path)


def test_a_pattern_that_names_a_harmless_ending_means_it() -> None:
    assert not not_secret(("*.pub",), "id_rsa.pub")
    assert not not_secret((".env.example",), ".env.example")


@pytest.mark.parametrize(
    "head",
    [
        b"-----BEGIN RSA PRIVATE KEY-----\nMII",
        b"-----BEGIN PRIVATE KEY-----",
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----",
        b"-----BEGIN OPENSSH PRIVATE KEY-----",
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----",
        b"\xef\xbb\xbf\n\n  -----BEGIN EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----".encode("utf-16"),
        "-----BEGIN PRIVATE KEY-----".encode("utf-16-be"),
        b"Bag Attributes\n    friendlyName: x\n-----BEGIN PRIVATE KEY-----",
        b'{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nMII',
        b"PuTTY-User-Key-File-3: ssh-ed25519",
        b"[Interface]\nPrivateKey = " + b"a" * 43 + b"=\nAddress = 10.0.0.1/32\n",
        b"# created: 2026\nAGE-SECRET-KEY-1QQQ",
        b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
    ],
)
def test_a_private_key_by_its_beginning(head: bytes) -> None:
    assert beginning_of(head) == "a private key"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (f"[default]\naws_access_key_id={KEY_ID}\naws_secret_access_key={SECRET}\n", "AWS keys"),
        (f"Access key ID,Secret access key\n{KEY_ID},{SECRET}\n", "AWS keys"),
        (f"only {KEY_ID}", ""),
        (f"only {SECRET}", ""),
        ("AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""),
        ("-----BEGIN CERTIFICATE-----", ""),
        ("-----BEGIN PUBLIC KEY-----", ""),
        ("x" * 2000 + "-----BEGIN PRIVATE KEY-----", ""),
        ("", ""),
    ],
)
def test_other_beginnings(head: str, kind: str) -> None:
    assert beginning_of(head.encode()) == kind


def test_what_begins_like_a_secret_is_one_while_there_are_any() -> None:
    assert not not_secret((".env",), f"a.txt{BEGINS_LIKE}a private key)")
    assert not_secret((), f"a.txt{BEGINS_LIKE}a private key)")
