"""What the user gives is wrong: settings, recipients, identities. Found before anything is stored."""

import pytest
from support.age_key import AgeKey


@pytest.fixture
def workspace(new_workspace, small_source):
    return new_workspace(small_source)


@pytest.mark.parametrize("recipient", ["age1notarecipient", "not-even-close", "AGE-SECRET-KEY-1", "age1" + "q" * 58])
def test_a_malformed_recipient_stops_the_backup_before_it_starts(workspace, recipient):
    workspace.configure(encryption={"recipients": [workspace.key.recipient, recipient]})
    refused = workspace.run("backup").expect(2)
    assert "recipient" in refused.err
    assert f"{workspace.config}:" in refused.err, "where it stands"
    assert not workspace.store.folder.exists() or workspace.store.files() == []


def test_an_identity_given_as_recipient_is_not_repeated(workspace):
    workspace.configure(encryption={"recipients": [workspace.key.secret]})
    refused = workspace.run("backup").expect(2)
    assert workspace.key.secret not in refused.err


@pytest.mark.parametrize("verb", ["cat", "restore", "verify"])
def test_an_identity_that_does_not_fit(workspace, folder, empty_server, verb):
    backup_id = workspace.backup()
    other = AgeKey.create(folder / "other-key.txt")
    arguments = {"cat": ["first"], "restore": ["--to", empty_server.uri()], "verify": []}[verb]
    refused = workspace.run("-i", other.file, verb, backup_id, *arguments, env={"PGPASSWORD": empty_server.password})
    refused.expect(2)
    assert "identity" in refused.err or "key" in refused.err
    assert refused.out == b"" or verb == "verify"
    assert empty_server.databases() == ["postgres"], "nothing was created before the key was tried"


def test_restoring_without_an_identity_says_which_flag_is_missing(workspace, empty_server):
    backup_id = workspace.backup()
    refused = workspace.run("restore", backup_id, "--to", empty_server.uri(),
                            env={"PGPASSWORD": empty_server.password}).expect(2)
    assert "--identity" in refused.err or "-i" in refused.err


def test_an_identity_file_that_is_not_there(workspace):
    backup_id = workspace.backup()
    refused = workspace.run("-i", "/nonexistent/key.txt", "cat", backup_id, "first").expect(2)
    assert "/nonexistent/key.txt" in refused.err


def test_a_configuration_that_is_not_there(workspace):
    refused = workspace.lifeboat.run("--config", "/nonexistent/lifeboat.toml", "backup").expect(2)
    assert "/nonexistent/lifeboat.toml" in refused.err


def test_a_secret_file_that_is_not_there(workspace):
    workspace.configure(postgres={"password_file": "/nonexistent/password"})
    refused = workspace.run("backup").expect(2)
    assert "/nonexistent/password" in refused.err and "password_file" in refused.err


def test_a_store_of_an_unknown_kind(workspace):
    workspace.configure(store={"url": "ftp://example.org/backups"})
    assert "store.url" in workspace.run("backup").expect(2).err
