"""What the tracking issue says of a configuration that cannot be read."""

from bot.core.texts.markdown import quiet, read_section, replace_section, section

_NAME = "configuration"
_ADVICE = "Until it is mended, Bolide does nothing that depends on it."


def with_problem(body: str, sentence: str) -> str:
    """The issue's body with this sentence in its place, at the top when it is new; the empty sentence takes it out."""
    text = f"### Configuration\n\n**It cannot be read**: {quiet(sentence)}\n\n{_ADVICE}"
    if read_section(body, _NAME) is None:
        return f"{section(_NAME, text)}\n\n{body}".rstrip() if sentence else body
    return replace_section(body, _NAME, text if sentence else "### Configuration\n\nIt is right again.")
