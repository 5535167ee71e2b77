"""What a person types, before Hydra reads it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from datamodules.errors import BadInput
from scripts.config import trust
from scripts.config.command_line import hint, prepare
from scripts.config.composing import compose
from scripts.config.naming import LONGEST_NAME, new_folder, short_name
from scripts.config.override import Override, quoted

#: Folder names that people have.
NAMES = ["module=gru,hidden_size=8,seed=1", "br(a)[c]{d}", "quo'te", "a b", "Größe", "new#1", "a@b", "x:y", 'say "hi"']


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", ["datamodule.data_dir", "runs_dir"])
def test_the_value_of_an_existing_path_is_that_path(name: str, key: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    words = prepare([f"{key}={tmp_path / name}"])
    settings = compose(*words)
    value = settings["runs_dir"] if key == "runs_dir" else settings["datamodule"]["data_dir"]
    assert value == str(tmp_path / name)


@pytest.mark.parametrize("name", [*NAMES, "12", "null"])
@pytest.mark.parametrize("key", ["init_from", "resume"])
def test_a_run_folder_is_taken_whatever_its_name(name: str, key: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    for typed in (str(tmp_path / name), quoted(str(tmp_path / name))):
        assert compose(*prepare([f"{key}={typed}"]))[key] == str(tmp_path / name)


@pytest.mark.parametrize(
    "value", ["Müller", "foo(bar", "[^_]+|(a|b)", "a#b", "it's", "{x", "a,(b", "王", "x[", "1,2]", "a'b\"c", "a\\'"]
)
def test_what_the_grammar_refuses_is_shown_as_it_has_to_be_typed(value: str) -> None:
    with pytest.raises(BadInput) as refused:
        prepare(["-m", "seed=1,2", f"name={value}"])
    message = str(refused.value)
    assert message.startswith(f"name={value}: Hydra's grammar does not take ")
    assert "++" not in message
    (word,) = shlex.split(message.partition("as a string it is typed ")[2])
    assert compose(*prepare([word]))["name"] == value


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("task.embedding_size=None", "task.embedding_size=None: the value that stands for nothing is written null"),
        ("logger=None", "logger=None: the value that stands for nothing is written null (logger=null)"),
        ("module", "module: settings are written KEY=VALUE"),
        ("--alow x", "--alow: no such option (did you mean '--allow'?)"),
        ("\u2013m seed=1,2", "\u2013m: begins with a dash of a text processor; options begin with - or --"),
        ("seed = 1", "seed: settings are written KEY=VALUE"),
        ("--allow", "--allow: the name of a package is needed"),
    ],
)
def test_what_means_nothing_is_a_sentence(typed: str, sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        prepare(typed.split())
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("seed=1\r", "'seed=1\\r': holds the invisible character U+000D; a script with Windows line ends has one"),
        ("name=\u200bx", "'name=\\u200bx': holds the invisible character U+200B"),
    ],
)
def test_invisible_characters_are_named(typed: str, sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        prepare([typed])
    assert str(refused.value).startswith(sentence)


def test_of_a_key_given_twice_the_last_one_counts(capsys: pytest.CaptureFixture[str]) -> None:
    words = prepare(["optimizer.lr=0.1", "module=gru", "seed=1", "++optimizer.lr=0.2", "module=lstm", "seed=1"])
    assert words == ["++optimizer.lr=0.2", "module=lstm", "seed=1"]
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "optimizer.lr=0.1: the key is given again; optimizer.lr=0.2 counts",
        "module=gru: the key is given again; module=lstm counts",
    ]


def test_packages_are_allowed_wherever_the_option_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(trust.VARIABLE, "")
    assert prepare(["module=gru", "--allow", "mine", "-m", "--allow=yours", "seed=1,2"]) == [
        "-m", "module=gru", "seed=1,2",
    ]  # fmt: skip
    assert trust.allowed() == ["mine", "yours"]


def test_a_number_where_a_string_belongs_says_how_to_type_it() -> None:
    message = "name=123: must be a string"
    assert hint(message, ["name=123"]) == f"{message}; as a string it is typed 'name=\"123\"'"
    assert hint(message, ["seed=1"]) == message


@pytest.mark.parametrize(
    "words",
    [
        ["module=gru", "++module.hidden_size=8", "seed=1"],
        ["module=baseline/majority", "optimizer.lr=1e-05", "name=Müller (K., jr.)", "x=[1,2]", "y='a b'"],
        ["module.note=" + "é" * 400],
        ["datamodule.data_dir=" + "x" * 400],
    ],
)
def test_folder_names_need_no_quoting_and_are_short(words: list[str]) -> None:
    name = short_name(words)
    assert shlex.quote(name) == quoted(name) == name
    assert len(name.encode()) <= LONGEST_NAME + 9 < 255


def test_long_names_that_differ_at_their_end_differ() -> None:
    assert short_name(["a=" + "x" * 300 + "1"]) != short_name(["a=" + "x" * 300 + "2"])


def test_processes_of_one_second_make_folders_of_their_own(tmp_path: Path) -> None:
    made = [new_folder(str(tmp_path / "runs")) for _ in range(5)]
    assert len(set(made)) == 5
    assert all(Path(folder).is_dir() for folder in made)


def test_an_override_is_parsed_and_written_alike() -> None:
    for word in ("a.b=c", "++a.b='x=y'", "~a", "+a@b=1", "a=", "module@x.y=gru"):
        assert str(Override.parse(word)) == word
    override = Override.parse("++a.b@c='it\\'s'")
    assert (override.key, override.package, override.text, override.plain) == ("a.b", "c", "it's", "a.b@c='it\\'s'")
