"""What the demo shows in the terminal: steps with spinner and elapsed time, links below."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column


class Steps:
    """The steps of the demo, one line each; without a terminal each line is printed when its step ends."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}", table_column=Column(no_wrap=False, overflow="fold")),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "Steps":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator["Step"]:
        """A step under way while the block runs; `Step.say` tells what came out."""
        step = Step(self._progress, self._progress.add_task(what, total=1), what)
        yield step
        self._progress.update(step.task, completed=1, description=step.said)
        if not self.console.is_terminal:
            elapsed = self._progress.tasks[self._progress.task_ids.index(step.task)].elapsed or 0.0
            self.console.print(f"✓ {step.said}  ({elapsed:.1f} s)")

    def tell(self, line: str) -> None:
        """A line between the steps."""
        self.console.print(line, soft_wrap=True)  # so that a link stays whole in a narrow terminal


class Step:
    """One line of the display."""

    def __init__(self, progress: Progress, task: TaskID, what: str) -> None:
        self._progress, self.task, self.said = progress, task, what

    def say(self, line: str) -> None:
        """Replace the line."""
        self.said = line
        self._progress.update(self.task, description=line)
