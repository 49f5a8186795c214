"""The command line's own manners: help, versions, usage errors, settings, keys."""

import json
import subprocess
from pathlib import Path

import pytest
from support import ROOT
from support.age_key import AgeKey

VERBS = [["backup"], ["list"], ["status"], ["show"], ["cat"], ["verify"], ["restore"], ["drain"], ["keygen"],
         ["config", "check"], ["config", "show"]]


@pytest.fixture
def workspace(new_workspace):
    workspace = new_workspace()
    return workspace.configure(postgres={"uri": "postgresql://lifeboat@127.0.0.1/postgres"})


@pytest.fixture
def lifeboat(workspace):
    return workspace.lifeboat


def test_help_lists_every_verb_on_stdout(lifeboat):
    text = lifeboat.run("--help").expect(0).text
    for verb in VERBS:
        assert verb[0] in text


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help_with_examples(lifeboat, verb):
    text = lifeboat.run(*verb, "--help").expect(0).text
    assert "xample" in text
    assert f"lifeboat {' '.join(verb)}" in text or f"{' '.join(verb)}" in text.split("xample")[1]


def test_version_is_that_of_the_source(lifeboat):
    assert (ROOT / "VERSION").read_text().strip() in lifeboat.run("--version").expect(0).text


@pytest.mark.parametrize("arguments", [["sink"], ["backup", "--sink"], ["--sink", "list"], ["show"], ["restore", "latest"],
                                       ["config"], ["list", "unasked"], []], ids=" ".join)
def test_a_wrong_command_line_is_usage_error_2_on_stderr(workspace, arguments):
    refused = workspace.run(*arguments).expect(2)
    assert refused.err.strip()
    assert refused.out == b""


def test_an_unknown_verb_is_named_in_the_error(lifeboat):
    assert "restroe" in lifeboat.run("restroe").expect(2).err


@pytest.mark.parametrize(("arguments", "said"), [
    (["restroe"], "did you mean 'lifeboat restore'?"),
    (["config", "chek"], "did you mean 'lifeboat config check'?"),
    (["show"], "lifeboat: ID is required"),
    (["config", "check", "--sink"], "lifeboat config check --help"),
])
def test_a_usage_error_says_what_was_meant_or_where_to_look(lifeboat, arguments, said):
    assert said in lifeboat.run(*arguments).expect(2).err


@pytest.mark.parametrize("verb", [["show"], ["restore"]], ids=" ".join)
def test_help_of_a_verb_tells_where_the_other_flags_are(lifeboat, verb):
    assert "`lifeboat --help`" in lifeboat.run(*verb, "--help").expect(0).text


def test_global_flags_stand_before_or_after_the_verb(workspace):
    before = workspace.lifeboat.run("--config", workspace.config, "config", "show", "--json").expect(0)
    after = workspace.lifeboat.run("config", "show", "--json", "--config", workspace.config).expect(0)
    assert before.json == after.json


def test_config_check_passes_a_good_file(workspace):
    workspace.run("config", "check").expect(0)


def test_config_check_names_file_line_and_likely_key(workspace):
    workspace.config.write_text(workspace.config.read_text() + "\n[retention]\nkeep_dais = 30\n")
    line = workspace.config.read_text().split("\n").index("keep_dais = 30") + 1
    refused = workspace.run("config", "check").expect(2)
    assert f"{workspace.config}:{line}" in refused.err
    assert "keep_dais" in refused.err and "keep_days" in refused.err


def test_config_check_reports_all_problems_at_once(workspace):
    workspace.configure(compression={"level": 99}, retention={"keep_last": "seven"}, instance={"name": "Not A Name"})
    refused = workspace.run("config", "check").expect(2)
    for key in ("level", "keep_last", "name"):
        assert key in refused.err


def test_config_check_looks_at_the_recipients(workspace):
    workspace.configure(encryption={"recipients": ["age1notarecipient"]})
    assert "recipient" in workspace.run("config", "check").expect(2).err


def test_config_check_without_secrets_looks_at_all_else(workspace, folder):
    """A file in its repository: what it names for secrets is in the pod alone."""
    pod = {name: str(folder / "of-the-pod" / name) for name in ("id", "key", "password", "hook")}
    workspace.configure(store={"url": "s3://backups/all", "endpoint": "https://store.example", "region": "here",
                               "access_key_id_file": pod["id"], "secret_access_key_file": pod["key"]},
                        postgres={"password_file": pod["password"]}, notify={"on_failure_file": pod["hook"]})
    assert pod["key"] in workspace.run("config", "check").expect(2).err
    workspace.run("config", "check", "--without-secrets").expect(0)

    (folder / "of-the-pod").mkdir()
    Path(pod["id"]).write_text("\n")
    assert "is empty" in workspace.run("config", "check", "--without-secrets").expect(2).err, "what is here is read"

    Path(pod["id"]).unlink()
    workspace.configure(compression={"level": 99})
    assert "level" in workspace.run("config", "check", "--without-secrets").expect(2).err
    workspace.config.unlink()
    assert "does not exist" in workspace.run("config", "check", "--without-secrets").expect(2).err


def test_config_show_tells_where_each_value_is_from(workspace):
    shown = workspace.run("config", "show", "--instance", "by-flag", env={"LIFEBOAT_COMPRESSION_LEVEL": "7"}).expect(0)
    lines = {line.split()[0]: line for line in shown.text.split("\n") if line.strip()}
    assert "by-flag" in lines["instance.name"] and "--instance" in lines["instance.name"]
    assert "7" in lines["compression.level"] and "LIFEBOAT_COMPRESSION_LEVEL" in lines["compression.level"]
    assert str(workspace.config) in lines["store.url"]
    assert "default" in lines["retention.keep_days"]


def test_the_environment_alone_configures_a_run(workspace, lifeboat):
    shown = lifeboat.run("config", "check", env={
        "LIFEBOAT_INSTANCE_NAME": "by-environment",
        "LIFEBOAT_STORE_URL": "file:///nonexistent",
        "LIFEBOAT_ENCRYPTION_RECIPIENTS": workspace.key.recipient,
        "LIFEBOAT_STROE_URL": "file:///typo",
        "LIFEBOAT_SERVICE_HOST": "10.0.0.1",
        "LIFEBOAT_PORT_9847_TCP": "tcp://10.0.0.1:9847",
    }).expect(0)
    assert "LIFEBOAT_STROE_URL" in shown.err, "an unknown name is warned of"
    assert "LIFEBOAT_SERVICE_HOST" not in shown.err and "LIFEBOAT_PORT" not in shown.err


def test_keygen_writes_the_file_that_age_keygen_writes(lifeboat, workspace):
    ours = workspace.folder / "ours.txt"
    made = lifeboat.run("keygen", "-o", ours).expect(0)
    derived = subprocess.run(["age-keygen", "-y", str(ours)], capture_output=True, text=True, check=True).stdout.strip()
    assert derived in made.err + made.text, "the recipient is shown"
    assert "AGE-SECRET-KEY" not in made.err + made.text
    assert ours.stat().st_mode & 0o777 == 0o600
    theirs = AgeKey.create(workspace.folder / "theirs.txt")

    def shape(path):
        return [line.split(":")[0] if line.startswith("#") else len(line) for line in path.read_text().split("\n")]

    assert shape(ours) == shape(theirs.file)


def test_keygen_without_a_file_prints_the_identity(lifeboat, workspace):
    made = lifeboat.run("keygen").expect(0)
    piped = workspace.folder / "piped.txt"
    piped.write_text(made.text)
    derived = subprocess.run(["age-keygen", "-y", str(piped)], capture_output=True, text=True, check=True).stdout.strip()
    assert derived.startswith("age1")


def test_keygen_tells_programs_the_public_key(lifeboat, workspace):
    ours = workspace.folder / "for-programs.txt"
    made = lifeboat.run("keygen", "-o", ours, "--json").expect(0)
    derived = subprocess.run(["age-keygen", "-y", str(ours)], capture_output=True, text=True, check=True).stdout.strip()
    assert made.json == {"public_key": derived, "file": str(ours)}


def test_keygen_never_overwrites_a_key(lifeboat, workspace):
    before = workspace.key.file.read_text()
    refused = lifeboat.run("keygen", "-o", workspace.key.file)
    assert refused.code in (1, 2, 5) and str(workspace.key.file) in refused.err
    assert workspace.key.file.read_text() == before


def test_results_carry_no_colour_when_nobody_looks(workspace):
    for outcome in (workspace.run("--help"), workspace.run("config", "show"), workspace.run("nonsense")):
        assert b"\x1b" not in outcome.out and "\x1b" not in outcome.err


def test_errors_bring_no_control_characters_to_the_terminal(lifeboat):
    refused = lifeboat.run("show", "lat\x1b[31mest\x07", "--store", "file:///nonexistent")
    assert refused.code != 0 and "\x1b" not in refused.err and "\x07" not in refused.err


def test_people_read_why_a_backup_failed_once(workspace):
    workspace.configure(postgres={"uri": "postgresql://lifeboat@127.0.0.1:1/postgres"})
    failed = workspace.run("backup").expect(1)
    assert failed.err.count("cannot connect to PostgreSQL") == 1
    assert "  next: " in failed.err


def test_logs_are_json_lines_when_asked(workspace):
    workspace.configure(log={"format": "json"}, store={"url": "file:///nonexistent/store"})
    workspace.configure(postgres={"uri": "postgresql://lifeboat@127.0.0.1:1/postgres"})
    failed = workspace.run("backup").expect(1)
    lines = [line for line in failed.err.split("\n") if line.startswith("{")]
    assert all(json.loads(line) for line in lines)
