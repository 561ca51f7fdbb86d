"""Secrets at rest: the key's file, and what a ciphertext is bound to."""

import os
import stat
from pathlib import Path

import pytest

from instep.stores.secrets import SecretUnreadable, Vault


def vault(folder: Path) -> Vault:
    """A vault with its key in that folder."""
    return Vault(folder / "keys" / "secrets.key")


def sealed(folder: Path, secret: str = "s3cret", app: str = "mixpanel", field: str = "token") -> bytes:
    """The secret, encrypted with the key of that folder."""
    return vault(folder).encrypt(secret, app=app, field=field, may_make_key=True)


def test_secret_comes_back_in_another_process_of_the_same_key(tmp_path: Path) -> None:
    assert vault(tmp_path).decrypt(sealed(tmp_path, "pässword"), app="mixpanel", field="token") == "pässword"


def test_same_secret_is_never_encrypted_alike(tmp_path: Path) -> None:
    assert sealed(tmp_path) != sealed(tmp_path)


def test_key_file_is_the_owners_alone_and_stays_the_same(tmp_path: Path) -> None:
    sealed(tmp_path)
    path = tmp_path / "keys" / "secrets.key"
    before = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sealed(tmp_path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["secrets.key"]


@pytest.mark.parametrize(("app", "field"), [("aha", "token"), ("mixpanel", "password")])
def test_secret_cant_be_read_as_anothers(tmp_path: Path, app: str, field: str) -> None:
    stored = sealed(tmp_path)
    with pytest.raises(SecretUnreadable, match=f"the {field} of {app} wasn't encrypted"):
        vault(tmp_path).decrypt(stored, app=app, field=field)


def test_names_that_run_into_each_other_are_two(tmp_path: Path) -> None:
    stored = sealed(tmp_path, app="a", field="b:token")
    with pytest.raises(SecretUnreadable):
        vault(tmp_path).decrypt(stored, app="a:b", field="token")


def test_altered_ciphertext_is_refused(tmp_path: Path) -> None:
    stored = bytearray(sealed(tmp_path))
    stored[-1] ^= 1
    with pytest.raises(SecretUnreadable):
        vault(tmp_path).decrypt(bytes(stored), app="mixpanel", field="token")


def test_another_key_is_told_from_the_right_one(tmp_path: Path) -> None:
    stored = sealed(tmp_path)
    sealed(tmp_path / "other")
    with pytest.raises(SecretUnreadable, match="put back the right key file"):
        vault(tmp_path / "other").decrypt(stored, app="mixpanel", field="token")


def test_missing_key_is_never_made_anew_for_reading(tmp_path: Path) -> None:
    stored = sealed(tmp_path)
    (tmp_path / "keys" / "secrets.key").unlink()
    with pytest.raises(SecretUnreadable, match="is missing"):
        vault(tmp_path).decrypt(stored, app="mixpanel", field="token")
    with pytest.raises(SecretUnreadable, match="is missing"):
        vault(tmp_path).encrypt("s", app="mixpanel", field="token", may_make_key=False)
    assert not (tmp_path / "keys" / "secrets.key").exists()


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_key_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    sealed(tmp_path)
    path = tmp_path / "keys" / "secrets.key"
    path.chmod(0o644)
    with pytest.raises(SecretUnreadable, match=f"chmod 600 {path}"):
        sealed(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not base64!", b"c2hvcnQ="])
def test_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys" / "secrets.key"
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SecretUnreadable, match="isn't a key file"):
        sealed(tmp_path)
    assert path.read_bytes() == content


def test_folder_in_the_place_of_the_key_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "keys" / "secrets.key").mkdir(parents=True)
    with pytest.raises(SecretUnreadable, match=r"secrets\.key can't be read"):
        sealed(tmp_path)


def test_secret_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    stored = sealed(tmp_path)
    with pytest.raises(SecretUnreadable, match="newer Instep"):
        vault(tmp_path).decrypt(b"\x02" + stored[1:], app="mixpanel", field="token")
