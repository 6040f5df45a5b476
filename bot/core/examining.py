"""An order to try two locks out elsewhere, and the answer, as JSON; an answer is read as a stranger's word."""

import json
import re
from dataclasses import dataclass, fields, is_dataclass, replace
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from bot.core.errors import Refused
from bot.core.evidence import Accuracy, Examination, TrainingResult
from bot.core.recipe import Recipe
from bot.core.records import encode

FORMAT = 1
MOST_BYTES = 2**20
"""Of an answer: two examinations with what failed, and the ends of their logs."""
_LONGEST_TEXT, _MOST_ITEMS, _LARGEST = 80_000, 1_000, 10**9
_KIND = "$"
_HALF = re.compile("[\ud800-\udfff]")
"""Half a character, which JSON can tell and UTF-8 cannot."""
Read = TypeVar("Read")


class NotAnAnswer(Refused):
    """What came back is no answer; one sentence that says what is wrong with it, quoting little of it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to try out beside a tree: today's and the proposed lock, as texts, and what there is to run."""

    before: str
    after: str
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Answer:
    """What was measured with each lock, and the version of the Python that did it."""

    python: str
    before: Examination
    after: Examination


def render(value: Order | Answer) -> bytes:
    """The document of an order or an answer (docs/formats.md)."""
    return json.dumps({"format": FORMAT, "value": encode(value)}, ensure_ascii=False).encode()


def read_order(content: bytes) -> Order:
    """The order in a document. Raises NotAnAnswer."""
    return _read(Order, content, longest=2**24)


def read_answer(content: bytes) -> Answer:
    """The answer in a document from where a repository's code has run, every figure and text within bounds.

    Raises NotAnAnswer.
    """
    if len(content) > MOST_BYTES:
        raise NotAnAnswer(f"The answer is larger than {MOST_BYTES} bytes.")
    found = _read(Answer, content, longest=_LONGEST_TEXT)
    if not re.fullmatch(r"3\.\d{1,2}\.\d{1,2}\S{0,10}", found.python, re.ASCII):
        raise NotAnAnswer("`python` in the answer is no version.")
    return replace(found, before=_sound(found.before), after=_sound(found.after))


def _sound(examination: Examination) -> Examination:
    """The examination, told as one in a pod; raises NotAnAnswer for what none can come to."""
    if not re.fullmatch(r"[0-9a-f]{64}", examination.packages, re.ASCII):
        raise NotAnAnswer("`packages` in the answer is no sha256.")
    match examination.training:
        case TrainingResult(accuracy=Accuracy(share, recalls)) if max(share, *recalls, 0.0) > 1:
            raise NotAnAnswer("An accuracy in the answer is no share from 0 to 1.")
    # What the pod says of itself does not count: it was a pod, if anything ran.
    return replace(examination, isolation="pod" if examination.isolation else "")


def _read(kind: type[Read], content: bytes, longest: int) -> Read:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as problem:
        raise NotAnAnswer(f"The document is no JSON ({type(problem).__name__}).") from None
    if not isinstance(told, dict) or told.keys() != {"format", "value"} or told["format"] != FORMAT:
        raise NotAnAnswer(f"The document is not of format {FORMAT}; use one version of Bolide on both sides.")
    found: Read = _value(kind, told["value"], kind.__name__, longest)
    return found


def _value(hint: Any, told: Any, place: str, longest: int) -> Any:
    """What was told, if it is of the hinted type and within bounds; raises NotAnAnswer naming the place."""
    if isinstance(hint, UnionType):
        name = told.get(_KIND) if isinstance(told, dict) else type(told).__name__
        hint = next((one for one in get_args(hint) if one.__name__ == name), NotAnAnswer)
    if is_dataclass(hint):
        return _dataclass(hint, told, place, longest)
    if get_origin(hint) is tuple:
        return _tuple(get_args(hint)[0], told, place, longest)
    if get_origin(hint) is Literal:
        fits = isinstance(told, str) and told in get_args(hint)
    elif hint is float:
        fits = type(told) in (int, float) and 0 <= told <= _LARGEST
    elif hint is int:
        fits = type(told) is int and 0 <= told <= _LARGEST
    else:
        fits = type(told) is hint and len(str(told)) <= longest and not _HALF.search(str(told))
    if not fits:
        raise NotAnAnswer(f"{place} is not what it should be.")
    return float(told) if hint is float else told


def _dataclass(kind: Any, told: Any, place: str, longest: int) -> Any:
    names = {field.name for field in fields(kind)}
    if not isinstance(told, dict) or told.keys() != {_KIND, *names} or told[_KIND] != kind.__name__:
        raise NotAnAnswer(f"{place} is no {kind.__name__}.")
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], told[name], f"{place}.{name}", longest) for name in names})


def _tuple(item: Any, told: Any, place: str, longest: int) -> tuple[Any, ...]:
    items = told.get("value") if isinstance(told, dict) and told.get(_KIND) == "tuple" else None
    if not isinstance(items, list) or len(items) > _MOST_ITEMS:
        raise NotAnAnswer(f"{place} is no list of at most {_MOST_ITEMS}.")
    return tuple(_value(item, one, f"{place}[{number}]", longest) for number, one in enumerate(items))
