"""Keys and passwords that are exchanged while a backup runs, on real servers: the run goes on, and the backup is good."""

from pathlib import Path

import pytest
from support import faults, samples
from support.ceph import User
from support.patience import until
from support.volume import Volume


def secret_file(workspace, name):
    return Path(workspace.settings["store"][name])


def password_file(workspace):
    return Path(workspace.settings["postgres"]["password_file"])


@pytest.fixture
def server(new_server):
    """With a backup of two parts, and a user for it."""
    server = new_server()
    server.create_database("cargo", samples.incompressible(12))
    server.sql("CREATE ROLE keeper SUPERUSER LOGIN PASSWORD 'first'")
    return server


@pytest.fixture
def user(object_server):
    """The owner, under a key that can be taken away."""
    return object_server.add_key(object_server.owner)


@pytest.fixture
def workspace(new_workspace, server, object_server, user, fault_server):
    workspace = new_workspace(server)
    bucket = object_server.create_bucket(versioning=True)
    workspace.use_bucket(object_server, bucket, endpoint=fault_server.endpoint, user=user, part_size="5MiB", uploads=1)
    password_file(workspace).write_text("first\n")
    return workspace.configure(postgres={"uri": server.uri(user="keeper"), "databases": ["cargo"]})


def assert_one_good(workspace):
    [backup_id] = workspace.store.manifest_ids()
    workspace.store.assert_whole(backup_id)


@pytest.fixture
def held(workspace, fault_server):
    """A backup that waits in the middle of its second part; released, it must end well, and without a word of trouble."""
    rule = fault_server.on("UploadPart", part=2).fail(faults.stall("request"))
    run = workspace.start("backup")
    rule.wait()

    def go_on():
        rule.release()
        outcome = run.wait().expect(0)
        assert "trying again" not in outcome.err
        assert_one_good(workspace)
        return outcome

    return go_on


def assert_hidden(outcome, *secrets):
    for secret in secrets:
        assert secret not in outcome.err and secret not in outcome.text


def test_a_store_key_is_exchanged_and_the_old_one_deleted_while_a_part_is_under_way(workspace, object_server, user,
                                                                                     fault_server):
    volume = Volume(workspace.folder / "secret", id=user.access_key, key=user.secret_key)
    workspace.configure(store={"access_key_id_file": volume.path("id"), "secret_access_key_file": volume.path("key")})
    rule = fault_server.on("UploadPart", part=2).fail(faults.stall("request"))
    run = workspace.start("backup")
    rule.wait()

    new = object_server.add_key(user)
    volume.put(id=new.access_key, key=new.secret_key)
    object_server.remove_key(user)
    rule.release()

    outcome = run.wait().expect(0)
    assert "trying again" not in outcome.err
    assert_one_good(workspace)
    assert [part.status for part in fault_server.requests("UploadPart")] == [200, 403, 200]
    assert [request.status for request in fault_server.requests()].count(403) == 1, "the one that was under way"
    assert_hidden(outcome, user.secret_key, new.secret_key, new.access_key)


def test_a_store_key_whose_id_alone_is_new_is_not_taken(workspace, object_server, user, held):
    new = object_server.add_key(user)
    secret_file(workspace, "access_key_id_file").write_text(new.access_key)
    outcome = held()
    assert_hidden(outcome, user.secret_key, new.secret_key)
    secret_file(workspace, "secret_access_key_file").write_text(new.secret_key)
    object_server.remove_key(user)
    workspace.backup()


@pytest.mark.parametrize("bad", [None, "", "\n", "two\nlines"], ids=["gone", "empty", "blank", "two lines"])
def test_a_store_key_that_is_no_good_leaves_the_old_in_use(workspace, held, bad):
    path = secret_file(workspace, "access_key_id_file")
    path.unlink() if bad is None else path.write_text(bad)
    held()


def test_a_store_key_that_was_exchanged_for_a_wrong_one_fails_the_next_run(workspace, user, held):
    wrong = User(user.name)
    secret_file(workspace, "access_key_id_file").write_text(wrong.access_key)
    secret_file(workspace, "secret_access_key_file").write_text(wrong.secret_key)
    held()
    outcome = workspace.run("backup").expect(1)
    assert "InvalidAccessKeyId" in outcome.err and "store.access_key_id" in outcome.err
    assert_hidden(outcome, wrong.secret_key, user.secret_key)


def exchange_password(server, workspace, password):
    server.sql(f"ALTER ROLE keeper PASSWORD '{password}'")
    password_file(workspace).write_text(password)


def test_a_password_is_exchanged_before_the_next_connection(workspace, server, held):
    exchange_password(server, workspace, "second-password")
    outcome = held()
    assert_hidden(outcome, "second-password")


def test_a_password_that_the_server_does_not_know_yet_leaves_the_old_in_use(workspace, held):
    password_file(workspace).write_text("second-password")
    held()


def test_a_password_that_comes_later_than_on_the_server_is_waited_for(workspace, server, fault_server):
    rule = fault_server.on("UploadPart", part=2).fail(faults.stall("request"))
    run = workspace.start("backup")
    rule.wait()
    server.sql("ALTER ROLE keeper PASSWORD 'second-password'")
    rule.release()
    until(lambda: "password authentication failed" in server.log(), "the old password was refused")
    password_file(workspace).write_text("second-password")
    outcome = run.wait().expect(0)
    assert_hidden(outcome, "second-password")
    assert_one_good(workspace)


def test_a_password_that_is_wrong_from_the_start_fails_at_once(workspace, server):
    password_file(workspace).write_text("wrong")
    outcome = workspace.run("backup", timeout=30).expect(1)
    assert "password authentication failed" in outcome.err
    assert server.log().count("password authentication failed") == 1
