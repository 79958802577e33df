"""Which files hold secrets: by their names, where a policy says no other, and by how they begin. Pure.

Source of the names: the kept lists of signatures of gitrob (filesignatures.json) and gitleaks (rules by path), the
samples of leaky-repo on which such tools are measured, and where the tools named here keep their keys.

A pattern without a slash is compared with every part of a path. One with slashes is compared with parts that follow
each other: a file, or a folder with all that is in it; one that begins with `*/` only with the end of the path, so that
an ordinary word (`*/token`) means the file of that name and no folder.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

HEAD = 1024  # bytes of a file that are looked at

SECRET_FILES = (
    # environments
    ".env", ".env.*", ".env-*", ".env_*", ".envs", "*.env", "env.*", ".envrc*", ".dev.vars", ".dev.vars.*",
    ".flaskenv", ".renviron", "local.settings.json",
    # keys and key stores
    "*.pem", "*.key", "*.p8", "*.p12", "*.pkcs12", "*.pfx", "*.jks", "*.keystore", "*.keychain", "*.agilekeychain",
    "*.kdb", "*.kdbx", "*.kwallet", "*.psafe3", "*.bek", "*.tpm", "*.ppk", "*.ovpn", "*.keypair", "*.snk", "*.keytab",
    "*.mobileprovision", "*_rsa", "*_dsa", "*_ecdsa", "*_ed25519", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*",
    "id_xmss*", "otr.private_key", "master.key", "secring.*", "pubring.kbx", "private-keys-v1.d",
    # folders of tools
    ".ssh", ".aws", ".azure", ".gnupg", ".kube", ".git", ".config/gcloud", ".config/gh", ".config/hub",
    ".config/doctl", ".config/rclone", ".config/op", ".config/hcloud", ".config/containers/auth.json", ".oci",
    ".bluemix", ".pulumi", ".codex/auth.json",
    ".mc/config.json", ".password-store", ".docker/config.json", ".chef", ".terraform.d", ".databricks",
    ".snowflake",
    # clouds and clusters
    "credentials", ".credentials", "credentials.*", "*credentials*.json", "*credentials*.y*ml", "rootkey.csv",
    "*accesskeys*.csv", "*access_keys*.csv", "*access-keys*.csv", "*credentials*.csv", "aws_credentials*",
    "aws-credentials*", ".aws_credentials*", ".aws-credentials*", ".smbcredentials", ".s3cfg", "s3cfg", ".boto",
    "boto.cfg", ".passwd-s3fs", "kubeconfig*", "kube-config*", "kube_config*", "*.kubeconfig", "*kubeconfig*.y*ml",
    "service-account*.json", "service_account*.json", "serviceaccount*.json", "sa-key*.json", "gcp-key*.json",
    "client_secret*.json", "client-secret*.json", "application_default_credentials.json", "adc.json",
    "accesstokens.json", "azureprofile.json", "publishsettings", "*.publishsettings", "*.cscfg",
    "firebase-adminsdk*.json", "*firebase-adminsdk*.json", ".dockercfg", "dockercfg", ".dockerconfigjson",
    "docker-config*.json", "docker_config*.json", "dockerconfig*.json",
    ".tugboat", "rclone.conf", ".databrickscfg", ".snowsql", "doctl/config.yaml", "gh/hosts.yml", "*/config/hub",
    # secrets by their own word
    "secret", "secrets", "secret.*", "secrets.*", "secret*.y*ml", "secrets*.json", "secrets*.toml",
    "secrets*.properties", "*.secret", "*.secrets", "*[-_.]secret.y*ml", "*[-_.]secrets.y*ml", "*[-_.]secret.json",
    "*[-_.]secrets.json", "*[-_.]secrets.toml", "*[-_.]secrets.ini", "*[-_.]secrets.properties", "*[-_.]secrets.txt",
    "secret_token.rb", "secretkey*", "secret_key*", "passwords.*", "*/password", "*/passwords", ".password",
    ".passwords", "password.txt", "password.csv", "password.json", "password.y*ml", "*/token", ".token", "token.txt",
    "token.json", "token.pickle", "*/access_token", "*/access-token", "access_token.txt", "access-token.txt",
    "*/api_key", "*/api-key", "*/apikey", "api_key*.txt", "api-key*.txt", "apikey*.txt", "etc/passwd", "etc/shadow",
    # infrastructure
    "*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json", ".terraformrc", "terraform.rc", "credentials.tfrc.json",
    ".vault-token", ".vault_pass*", "vault_pass*", ".vault-pass*", "vault.y*ml", "*.sops-key", "age.key", "knife.rb",
    # accounts of tools and data bases
    ".netrc", "_netrc", "netrc", ".npmrc", "npmrc", ".yarnrc.yml", ".pypirc", "pip.conf", ".condarc",
    ".sentryclirc", ".bundle/config", ".gem/credentials", ".cargo/credentials*", ".m2/settings.xml",
    "settings-security.xml", ".nuget/nuget.config", "composer/auth.json", ".composer/auth.json", "containers/auth.json",
    ".pgpass", "pgpass.conf", ".my.cnf", "my.cnf", ".mylogin.cnf", ".mongorc.js", "robomongo.json", ".dbshell",
    ".htpasswd", "htpasswd", ".htdigest", "proftpdpasswd", ".git-credentials", ".gitconfig", "gitrobrc", ".muttrc",
    "filezilla.xml", "recentservers.xml", "sitemanager.xml", "sftp-config.json", "sftp.json", ".ftpconfig",
    ".remote-sync.json", "webservers.xml", "dbeaver-data-sources.xml", "logins.json", "key3.db", "key4.db",
    "wp-config.php", "localsettings.php", "database.yml", "ventrilo_srv.ini", ".esmtprc", ".msmtprc",
    ".fetchmailrc", ".erlang.cookie",
    # what was typed
    ".bash_history", ".zsh_history", ".sh_history", ".history", ".mysql_history", ".psql_history", ".python_history",
    ".irb_history", ".rediscli_history", ".node_repl_history",
)  # fmt: skip

# Endings of what only looks so: a pattern that has such an ending itself is meant as it says.
_HARMLESS = (".example", ".sample", ".template", ".dist", ".pub", ".html")

# What an editor, a file manager or a package adds to the name of a copy: `.env~`, `a.pem.bak`, `rootkey (1).csv`.
_COPY = re.compile(
    r"^\s*copy of |^[\s#]+|[\s#]+$|(?:\.~\d+)?~$|-$"
    r"|(?:[ ._-]{1,3}(?:bak|backup|old|orig|original|save|prev|new|tmp|copy|sw[a-p]|kate-swp|rpmsave|rpmnew|dpkg-\w+)"
    r"[\d._-]*| \d+| ?\((?:\d+|[\w ]*copy[\w ]*)\))(?=(?:\.[a-z0-9]+)?$)"
)
_SWAP = re.compile(r"\.(?:sw[a-p]|kate-swp)$")  # these put a dot before the name too, where there is none
_NONE = "(?!)"

BEGINS_LIKE = " (begins like "
"""What stands between a file's name and what it begins like, where it is judged by that."""

LIES_IN = " (lies in "
"""What stands between a path and the folder above it, of which only what is unmistakable counts."""

_PLACED = re.compile(rf"(?s)(.+){re.escape(LIES_IN)}(/.*)\)")

_BEGINNINGS = (
    (re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"), "a private key"),
    (re.compile(rb"---- BEGIN SSH2 (?:ENCRYPTED )?PRIVATE KEY ----"), "a private key"),
    (re.compile(rb"-----BEGIN OpenVPN Static key V1-----"), "a private key"),
    (re.compile(rb"SSH PRIVATE KEY FILE FORMAT "), "a private key"),
    (re.compile(rb"PuTTY-User-Key-File-\d"), "a private key"),
    (re.compile(rb"AGE-SECRET-KEY-1[0-9A-Z]"), "a private key"),
    (re.compile(rb"(?m)^\s*PrivateKey\s*=\s*[A-Za-z0-9+/]{43}="), "a private key"),  # WireGuard
)
_KEY_ID = re.compile(rb"(?<![A-Z0-9])(?:AKIA|ASIA)(?!IOSFODNN7EXAMPLE)[A-Z2-7]{16}(?![A-Z0-9])")
_SECRET_KEY = re.compile(rb"(?<![A-Za-z0-9/+])(?![A-Za-z0-9/+]*EXAMPLEKEY)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")


@dataclass(frozen=True)
class _Looks:
    """Patterns as they are compared, each kind as one expression: with a part, with a harmless part, with a path."""

    part: re.Pattern[str]
    harmless: re.Pattern[str]
    path: re.Pattern[str]


def looks_secret(patterns: tuple[str, ...], value: str) -> bool:
    """Return whether a path looks like one of the secret files that patterns mean, or like a copy of one.

    Case is ignored, for a secret stays one in capitals. A file that begins like a secret is one under whatever name, if
    there are any patterns. value: a path, or what `begins_like` or `lies_in` made of one.
    """
    if BEGINS_LIKE in value:
        return bool(patterns)
    placed = _PLACED.fullmatch(value)
    if placed is None:
        return _is_hit(_looks(patterns), value)
    path, above = placed.groups()
    return _is_hit(_looks(patterns), path) or _is_hit(_looks(_unmistakable(patterns)), f"{above}/{path}")


def begins_like(path: str, kind: str) -> str:
    """Return what stands for a file that begins like a kind of secret."""
    return f"{path}{BEGINS_LIKE}{kind})"


def lies_in(path: str, above: str) -> str:
    """Return what stands for a file at a path below a folder that nobody named: where somebody works, say.

    That folder's path counts only where it is unmistakable (`~/.kube`): one that is called `secrets` may hold anything.
    """
    return f"{path}{LIES_IN}{above})"


@lru_cache(maxsize=32)
def _unmistakable(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns that begin with a dot, or spell out more than one part of a path."""
    return tuple(each for each in patterns if each.startswith(".") or ("/" in each and not re.search(r"[*?\[]", each)))


@lru_cache(maxsize=32)
def _looks(patterns: tuple[str, ...]) -> _Looks:
    small = [each.lower() for each in patterns]
    parts = [each for each in small if "/" not in each]
    paths = [glob for each in small if "/" in each for glob in _globs(each)]
    return _Looks(_any_of(parts), _any_of([each for each in parts if each.endswith(_HARMLESS)]), _any_of(paths))


def _globs(pattern: str) -> tuple[str, ...]:
    """Return what a whole path may look like so that a pattern with slashes means it."""
    if pattern.startswith("*/"):
        return (pattern, pattern.removeprefix("*/"))
    folder = f"{pattern.rstrip('/')}/*"
    return (pattern, f"*/{pattern}", folder, f"*/{folder}")


def _any_of(globs: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, globs)) or _NONE)


def _is_hit(looks: _Looks, path: str) -> bool:
    parts = path.replace("\\", "/").lower().split("/")
    names = [_names(part) for part in parts]
    if any(_is_part(looks, each) for each in names):
        return True
    return any(looks.path.match("/".join(each)) for each in (parts, [each[-1] for each in names]))


def _is_part(looks: _Looks, names: Sequence[str]) -> bool:
    """Return whether a part of a path is a secret by one of its names; not if it is only like one: `.env.example`."""
    pattern = looks.harmless if names[-1].endswith(_HARMLESS) else looks.part
    return any(pattern.match(name) for name in names)


def _names(part: str) -> list[str]:
    """Return what a part of a path is called, and what it is a copy of, the plainest last."""
    names = [part]
    while (plain := _COPY.sub("", names[-1])) not in ("", names[-1]):
        names.append(plain)
    return [names[-1].removeprefix("."), *names] if _SWAP.search(part) else names


def beginning_of(head: bytes) -> str:
    """Return what kind of secret a file begins like, an empty text for none. head: its first bytes.

    Private keys by the line that says so, in whichever encoding of text, and the two AWS keys of one user side by side.
    """
    head = head[:HEAD]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head[:2]:
        head = head.replace(b"\0", b"")  # UTF-16, as far as ASCII goes
    found = next((kind for pattern, kind in _BEGINNINGS if pattern.search(head)), "")
    return found or ("AWS keys" if _KEY_ID.search(head) and _SECRET_KEY.search(head) else "")
