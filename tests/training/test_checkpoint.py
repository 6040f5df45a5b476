from pathlib import Path

import numpy as np
import pytest

from training.checkpoint import Checkpoint, Epoch, make_stamp
from training.config import QUICK, STANDARD
from training.errors import StageError

EPOCH = Epoch(1.0, 0.5, 1.1, 0.6, 2.0, 3.0)


class Variable(np.ndarray):
    """An array that is set as TensorFlow's variables are."""

    def assign(self, value: "np.typing.NDArray[np.float64]") -> None:
        self[...] = value


def variable(value: float) -> Variable:
    return np.full(3, value).view(Variable)


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, "mine")
    assert checkpoint.restore([variable(0)]) == ()
    checkpoint.keep([variable(7), variable(8)], (EPOCH,))
    checkpoint.keep([variable(9), variable(10)], (EPOCH, EPOCH))
    variables = [variable(0), variable(0)]
    assert checkpoint.restore(variables) == (EPOCH, EPOCH)
    assert [one.tolist() for one in variables] == [[9, 9, 9], [10, 10, 10]]
    checkpoint.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_something_else_or_a_damaged_one_is_left_aside_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Checkpoint(tmp_path, "mine").keep([variable(7)], (EPOCH,))
    whole = (tmp_path / "checkpoint.npz").read_bytes()
    told = [
        ("other", whole, 1, "is of other code, data, versions or settings: starting anew."),
        ("mine", whole[: len(whole) // 2], 1, "is damaged"),
        ("mine", b"", 1, "is damaged"),
        ("mine", whole, 2, "is damaged"),
    ]
    for stamp, content, count, said in told:
        (tmp_path / "checkpoint.npz").write_bytes(content)
        variables = [variable(0) for _ in range(count)]
        assert Checkpoint(tmp_path, stamp).restore(variables) == ()
        assert all(one.tolist() == [0, 0, 0] for one in variables)
        assert said in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StageError, match=r"Cannot write .*checkpoint\.npz"):
        Checkpoint(tmp_path / "file", "mine").keep([variable(7)], (EPOCH,))


def test_the_stamp_tells_settings_and_data_apart() -> None:
    assert make_stamp(QUICK, "a") == make_stamp(QUICK, "a")
    assert len({make_stamp(QUICK, "a"), make_stamp(QUICK, "b"), make_stamp(STANDARD, "a")}) == 3
