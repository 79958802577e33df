"""Which files look like secrets by name or by how they begin, and which only look a little like them."""

import pytest

from handrail.core.policy.values import not_secret
from handrail.core.secret_files import SECRET_FILES, beginning_of, begins_like, lies_in

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
        *(".config/gh/config.yml", "home/.config/gcloud/access_tokens.db", ".config/op/config", ".config/hub"),
        *("a/.config/hcloud/cli.toml", ".config/rclone/deep/er/x", "config/hub", "dotfiles/config/hub"),
        *("passwords", "a/password", "token", "a/token", ".token/a", "api_key.txt", "apikey", "app-secrets.yaml"),
        *("my_secrets.json", ".erlang.cookie", "docker-config.json", ".envrc.local", "access_token", "token.txt"),
        *("composer/auth.json", ".config/containers/auth.json", "run/containers/auth.json", ".codex/auth.json"),
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
        *("README.md", "token.ts", "token.css", "password.html", "password.ts", "settings", "settings.json", "config"),
        *("config.json", "hub/a", "config/hub/index.html", ".config/nvim/init.vim", "x.config/op/a"),
        # ordinary words are pages of a site: only the file of that very name is meant, never a folder
        *("docs/token/index.html", "docs/password/reset.js", "api/token/create", "passwords/a.png", "api_key/a"),
        *("tokens.json", "tokens.txt", "tokenizer.json", "access_token.ts", "api-keys.json", "api_key.md"),
        # the words of a page to sign in, in every site with translations: a secret only in the folders of its tools
        *("auth.json", "lang/de/auth.json"),
        *("secrets.html~", ".env.example.bak", "id_rsa.pub copy", "index.html.bak", "env copy.html", "README 2.md"),
        *("older", "golden.txt", "a.threshold", "5-year-old.jpg", "~", "#", ".bak", " ", "", "a//b", "photo (1).jpg"),
        # what it says is of others, encrypted or public by its purpose
        *("secretary-copy.txt", "keynote (2).key.pub", "how-to-keep-secrets.md"),
    ],
)  # fmt: skip
def test_no_secret_by_its_name(path: str) -> None:
    assert not_secret(SECRET_FILES, path)


def test_a_pattern_that_names_a_harmless_ending_means_it() -> None:
    assert not not_secret(("*.pub",), "id_rsa.pub")
    assert not not_secret((".env.example",), ".env.example")


@pytest.mark.parametrize("name", [".env", "server.pem", "credentials", ".npmrc", "wp-config.php", ".my.cnf", "a/token"])
@pytest.mark.parametrize(
    "copy",
    [
        *("{}~", "{}.~1~", "#{}#", "{} copy", "{} copy 2", "{} 2", "{} (1)", "{} (copy)", "{} (another copy)", "{} "),
        *(" {}", "{}.bak", "{}.BAK", "{}.bak2", "{}.bak.1", "{}-old", "{}.old", "{}_orig", "{}.save.1", "{}.swp"),
        *("{} - Copy", "{} - Copy (2)", "Copy of {}", "{}.bak-2026-01-31", "{}.old~", "{}.bak.old", "{}.rpmsave"),
        *("{}.dpkg-old", "{}-", "{}.kate-swp"),
    ],
)
def test_a_copy_of_a_secret_is_one(name: str, copy: str) -> None:
    folder, slash, last = name.rpartition("/")
    assert not not_secret(SECRET_FILES, folder + slash + copy.format(last))


@pytest.mark.parametrize(
    "path",
    [
        *(".id_rsa.swp", ".credentials.swo", "rootkey (1).csv", "rootkey copy.csv", "rootkey - Copy (2).csv"),
        *("rootkey.old.csv", "token 2.json", "etc/shadow-", ".ssh.bak/known_hosts", ".docker~/config.json.orig"),
        *(".config.old/gh/config.yml", "home/.kube copy/config", "htpasswd.bak", ".pgpass.bak", "server.key.old"),
    ],
)
def test_other_copies(path: str) -> None:
    assert not not_secret(SECRET_FILES, path)


def test_patterns_with_slashes_of_a_team() -> None:
    assert not not_secret(("a/b",), "a/b")
    assert not not_secret(("a/b",), "x/A/B")
    assert not not_secret(("a/b",), "x/a/b/c/d")
    assert not not_secret(("a/b/",), "x/a/b/c")
    assert not not_secret(("*/b",), "b")
    assert not not_secret(("*/b",), "a/x/b")
    assert not_secret(("a/b",), "xa/b")
    assert not_secret(("a/b",), "a/bc")
    assert not_secret(("*/b",), "b/c")
    assert not_secret(("*/b",), "x/ab")


WIDE = (".kube", "secrets", "etc/shadow", "*/data/*", "team/keys")


@pytest.mark.parametrize(
    ("path", "above", "is_secret"),
    [
        ("config", "/srv/x/.kube", True),
        ("deep/config", "/srv/x/.kube.bak/a", True),
        ("shadow", "/etc", True),
        ("a", "/srv/team/keys", True),
        ("secrets/a", "/srv/x", True),
        (".kube/a", "/", True),
        ("index.html", "/srv/x/secrets", False),
        ("index.html", "/data/x", False),
        ("site/data/a", "/home", True),
    ],
)
def test_above_what_was_named_only_what_is_unmistakable_counts(path: str, above: str, is_secret: bool) -> None:
    assert not_secret(WIDE, lies_in(path, above)) is not is_secret


@pytest.mark.parametrize("above", ["/builds/credentials/x", "/srv/x/secrets", "/srv/password", "/mnt/backup.env/a"])
def test_a_working_folder_may_have_any_ordinary_name(above: str) -> None:
    assert not_secret(SECRET_FILES, lies_in("site/index.html", above))


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
    assert not not_secret((".env",), begins_like("a.txt", "a private key"))
    assert not_secret((), begins_like("a.txt", "a private key"))
