"""Which files hold secrets: by their names, where a policy says no other, and by how they begin. Pure.

Source of the names: the kept lists of signatures of gitrob (filesignatures.json) and gitleaks (rules by path), the
samples of leaky-repo on which such tools are measured, and where the tools named here keep their keys.
"""

import re

HEAD = 1024  # bytes of a file that are looked at

SECRET_FILES = (
    # environments
    ".env", ".env.*", ".env-*", ".env_*", ".envs", "*.env", "env.*", ".envrc", ".dev.vars", ".dev.vars.*",
    ".flaskenv", ".renviron", "local.settings.json",
    # keys and key stores
    "*.pem", "*.key", "*.p8", "*.p12", "*.pkcs12", "*.pfx", "*.jks", "*.keystore", "*.keychain", "*.agilekeychain",
    "*.kdb", "*.kdbx", "*.kwallet", "*.psafe3", "*.bek", "*.tpm", "*.ppk", "*.ovpn", "*.keypair", "*.snk", "*.keytab",
    "*.mobileprovision", "*_rsa", "*_dsa", "*_ecdsa", "*_ed25519", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*",
    "id_xmss*", "otr.private_key", "master.key", "secring.*", "pubring.kbx", "private-keys-v1.d",
    # folders of tools
    ".ssh", ".aws", ".azure", ".gnupg", ".kube", ".git", ".config/gcloud", ".config/gh", ".config/hub",
    ".config/doctl", ".config/rclone", ".config/op", ".config/hcloud", ".oci", ".bluemix", ".pulumi",
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
    ".tugboat", "rclone.conf", ".databrickscfg", ".snowsql", "doctl/config.yaml", "gh/hosts.yml", "config/hub",
    # secrets by their own word
    "secret", "secrets", "secret.*", "secrets.*", "secret*.y*ml", "secrets*.json", "secrets*.toml",
    "secrets*.properties", "*.secret", "*.secrets", "secret_token.rb", "secretkey*", "secret_key*", "passwords.*",
    "password.txt", "password.csv", "password.json", "password.y*ml", "token.json", "token.pickle", "etc/passwd",
    "etc/shadow",
    # infrastructure
    "*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json", ".terraformrc", "terraform.rc", "credentials.tfrc.json",
    ".vault-token", ".vault_pass*", "vault_pass*", ".vault-pass*", "vault.y*ml", "*.sops-key", "age.key", "knife.rb",
    # accounts of tools and data bases
    ".netrc", "_netrc", "netrc", ".npmrc", "npmrc", ".yarnrc.yml", ".pypirc", "pip.conf", ".condarc",
    ".sentryclirc", ".bundle/config", ".gem/credentials", ".cargo/credentials*", ".m2/settings.xml",
    "settings-security.xml", ".nuget/nuget.config", "composer/auth.json", ".composer/auth.json", ".pgpass",
    "pgpass.conf", ".my.cnf", "my.cnf", ".mylogin.cnf", ".mongorc.js", "robomongo.json", ".dbshell", ".htpasswd",
    "htpasswd", ".htdigest", "proftpdpasswd", ".git-credentials", ".gitconfig", "gitrobrc", ".muttrc",
    "filezilla.xml", "recentservers.xml", "sitemanager.xml", "sftp-config.json", "sftp.json", ".ftpconfig",
    ".remote-sync.json", "webservers.xml", "dbeaver-data-sources.xml", "logins.json", "key3.db", "key4.db",
    "wp-config.php", "localsettings.php", "database.yml", "ventrilo_srv.ini", ".esmtprc", ".msmtprc",
    ".fetchmailrc",
    # what was typed
    ".bash_history", ".zsh_history", ".sh_history", ".history", ".mysql_history", ".psql_history", ".python_history",
    ".irb_history", ".rediscli_history", ".node_repl_history",
)  # fmt: skip

# Endings of what only looks so: a pattern that has such an ending itself is meant as it says.
_HARMLESS = (".example", ".sample", ".template", ".dist", ".pub", ".html")

BEGINS_LIKE = " (begins like "
"""What stands between a file's name and what it begins like, where it is judged by that."""

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


def is_harmless(part: str, pattern: str) -> bool:
    """Return whether a part of a path, in small letters, is only like what a pattern means: `.env.example`."""
    return part.endswith(_HARMLESS) and not pattern.endswith(_HARMLESS)


def beginning_of(head: bytes) -> str:
    """Return what kind of secret a file begins like, an empty text for none. head: its first bytes.

    Private keys by the line that says so, in whichever encoding of text, and the two AWS keys of one user side by side.
    """
    head = head[:HEAD]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head[:2]:
        head = head.replace(b"\0", b"")  # UTF-16, as far as ASCII goes
    found = next((kind for pattern, kind in _BEGINNINGS if pattern.search(head)), "")
    return found or ("AWS keys" if _KEY_ID.search(head) and _SECRET_KEY.search(head) else "")
