"""The records are whole: stories, agents and requirements have tasks without circles, and prompts have histories."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from pathlib import Path

import pytest

from prompts import all_prompts
from schemas.skills import AGENTS

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / ".specify"
SPEC = RECORDS / "specs" / "001-agentrag-pro"
DECISIONS = sorted((RECORDS / "architecture").glob("adr-*.md"))
HISTORIES = sorted((RECORDS / "prompts").glob("phr-*.md"))
PAGES = sorted(RECORDS.rglob("*.md"))
SOURCES = ("schemas", "prompts", "runtime", "servers", "hosts", "deploy", "tests")
PLACES = {*SOURCES, ".specify", ".github", "pyproject.toml", "README.md"}
LINES = 400
"""Longest file, records and sources alike."""

TASK = re.compile(
    r"- \[(?P<tick>[ x])\] (?P<id>T\d{3}) (?P<parallel>\[P\] )?\[(?P<story>US\d|BASE)\] (?P<text>(?:(?!\(needs)[^→])+?)"
    r"(?: \(needs (?P<needs>T\d{3}(?:, T\d{3})*)\))?(?: → (?P<serves>N?FR-\d{3}(?:, N?FR-\d{3})*))?"
)
REQUIREMENT = re.compile(r"\bN?FR-\d{3}\b")


@dataclass(frozen=True)
class Task:
    """One line of the task list; `phase` counts from 1, `paths` are the places that it names."""

    id: str
    phase: int
    is_ticked: bool
    is_parallel: bool
    story: str
    needs: frozenset[str]
    serves: frozenset[str]
    paths: frozenset[str]


def words(given: str | None) -> frozenset[str]:
    """The parts of a list with commas, none of nothing."""
    return frozenset(given.split(", ")) if given else frozenset()


def parse(text: str) -> list[Task]:
    """Read a task list. Raises: ValueError for a box that is not followed by a task."""
    tasks, phase = [], 0
    for line in text.splitlines():
        phase += line.startswith("## ")
        if not line.startswith("- ["):
            continue
        found = TASK.fullmatch(line)
        if found is None:
            raise ValueError(f"not a task: {line!r}; write `- [ ] T001 [P] [US1] text (needs T000) → FR-001`")
        tasks.append(
            Task(
                id=found["id"],
                phase=phase,
                is_ticked=found["tick"] == "x",
                is_parallel=found["parallel"] is not None,
                story=found["story"],
                needs=words(found["needs"]),
                serves=words(found["serves"]),
                paths=frozenset(path for path in re.findall(r"`([^` ]+)`", found["text"]) if is_path(path)),
            )
        )
    return tasks


def is_path(quoted: str) -> bool:
    """Whether something in backticks names a place in the tree."""
    return quoted.split("/")[0] in PLACES


def circle(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Tasks that wait for each other, the first one repeated at the end; empty when there are none."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def before(needs: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """All that must be done before each task, directly or not."""
    earlier: dict[str, set[str]] = {}
    for task in TopologicalSorter(needs).static_order():
        earlier[task] = {*needs[task], *(one for need in needs[task] for one in earlier[need])}
    return earlier


def collisions(tasks: list[Task]) -> list[tuple[str, str]]:
    """Pairs marked as parallel which may meet in the same file, because neither waits for the other."""
    earlier = before({task.id: task.needs for task in tasks})
    return [
        (one.id, other.id)
        for one, other in combinations((task for task in tasks if task.is_parallel), 2)
        if one.paths & other.paths and one.id not in earlier[other.id] and other.id not in earlier[one.id]
    ]


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return parse((SPEC / "tasks.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def specification() -> str:
    return (SPEC / "spec.md").read_text(encoding="utf-8")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level, up to the next one."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(table: str) -> list[str]:
    """First cell of each row below the head of a table."""
    rows = [line for line in table.splitlines() if line.startswith("|")]
    return [row.split("|")[1].strip() for row in rows[2:]]


# the checks themselves ------------------------------------------------------------------------------------------------


def test_a_circle_is_found_and_a_chain_is_none() -> None:
    assert set(circle({"T001": ["T003"], "T002": ["T001"], "T003": ["T002"]})) == {"T001", "T002", "T003"}
    assert circle({"T001": ["T001"]}) == ["T001", "T001"]
    assert circle({"T001": [], "T002": ["T001"], "T003": ["T001", "T002"]}) == []


def test_parallel_tasks_in_one_file_are_found_unless_one_waits_for_the_other() -> None:
    apart = "- [ ] T001 [P] [US1] a `runtime/a.py`\n- [ ] T002 [P] [US1] b `runtime/a.py`"
    waiting = apart.replace("b `runtime/a.py`", "b `runtime/a.py` (needs T001)")
    assert collisions(parse(apart)) == [("T001", "T002")]
    assert collisions(parse(waiting)) == []


@pytest.mark.parametrize(
    "line", ["- [ ] T1 [US1] short", "- [y] T001 [US1] tick", "- [ ] T001 [US1] a (needs 2)", "- [ ] a"]
)
def test_a_line_with_a_box_must_be_a_task(line: str) -> None:
    with pytest.raises(ValueError, match="not a task") as refused:
        parse(line)
    assert line in str(refused.value)


# tasks ----------------------------------------------------------------------------------------------------------------


def test_tasks_are_numbered_in_order_and_there_are_at_least_eighty(tasks: list[Task]) -> None:
    assert [task.id for task in tasks] == [f"T{number:03d}" for number in range(1, len(tasks) + 1)]
    assert len(tasks) >= 80


def test_every_story_has_tasks_and_a_journey(tasks: list[Task], specification: str) -> None:
    stories = re.findall(r"^\*\*(US\d) ", specification, re.MULTILINE)
    assert stories == [f"US{number}" for number in range(1, 8)]
    for story in stories:
        places = {path for task in tasks if task.story == story for path in task.paths}
        assert len([task for task in tasks if task.story == story]) >= 2, story
        assert any(path.startswith("tests/journeys/") for path in places), f"{story} has no journey"
    assert {task.story for task in tasks} <= {*stories, "BASE"}


@pytest.mark.parametrize("agent", [*AGENTS, "orchestrator"])
def test_every_agent_has_a_task_that_builds_it(tasks: list[Task], agent: str) -> None:
    home = "hosts/orchestrator/query.py" if agent == "orchestrator" else f"servers/{agent}/server.py"
    builders = [task for task in tasks if home in task.paths]
    assert builders, f"no task names {home}"
    assert builders[0].phase == 1


def test_no_tasks_wait_for_each_other_and_none_for_a_later_phase(tasks: list[Task]) -> None:
    phases = {task.id: task.phase for task in tasks}
    unknown = {task.id: sorted(task.needs - set(phases)) for task in tasks if task.needs - set(phases)}
    assert unknown == {}
    assert circle({task.id: task.needs for task in tasks}) == []
    late = [(task.id, need) for task in tasks for need in task.needs if phases[need] > task.phase]
    assert late == []


def test_parallel_tasks_do_not_meet_in_one_file(tasks: list[Task]) -> None:
    assert collisions(tasks) == []


def test_every_task_names_a_place_in_the_tree(tasks: list[Task]) -> None:
    assert [task.id for task in tasks if not task.paths] == []
    homes = {path.split("/")[1] for task in tasks for path in task.paths if path.startswith("servers/")}
    assert homes == set(AGENTS)


def test_a_ticked_task_rests_on_ticked_tasks_and_on_files_that_exist(tasks: list[Task]) -> None:
    ticked = {task.id for task in tasks if task.is_ticked}
    assert [(task.id, sorted(task.needs - ticked)) for task in tasks if task.is_ticked and task.needs - ticked] == []
    assert [
        (task.id, path) for task in tasks if task.is_ticked for path in task.paths if not (ROOT / path).exists()
    ] == []


def test_every_requirement_is_served_by_a_task_and_no_task_serves_an_unknown_one(
    tasks: list[Task], specification: str
) -> None:
    required = re.findall(r"\*\*(N?FR-\d{3})\*\*", specification)
    assert len(required) == len(set(required))
    assert {one for task in tasks for one in task.serves} == set(required)


# decisions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_all_its_parts(path: Path) -> None:
    text = read(path)
    number = path.stem[4:7]
    assert re.match(rf"# ADR-{number}: \S", text), "the title begins with the number of the file"
    assert re.search(r"^- \*\*Status\*\*: (proposed|accepted|superseded|rejected)\b", text, re.MULTILINE)
    written = re.search(r"^- \*\*Date\*\*: (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    review = re.search(r"^- \*\*Review date\*\*: (\d{4}-\d\d-\d\d)\b", text, re.MULTILINE)
    assert written
    assert review
    assert review[1] > written[1]
    for title in ("Context", "Decision", "Consequences", "Alternatives", "Success metrics"):
        assert section(text, title).strip(), f"{title} is missing or empty"
    for sign in ("- (+) ", "- (-) "):
        assert sign in section(text, "Consequences"), f"no consequence {sign.strip('- ')}"
    assert first_cells(section(text, "Success metrics")), "success needs at least one metric"


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(path.stem[4:7]) for path in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 12


def test_every_departure_points_to_its_record() -> None:
    rows = [
        line for line in section(read(SPEC / "clarifications.md"), "1. Departures").splitlines() if line.startswith("|")
    ]
    assert len(rows) > 12
    for row in rows[2:]:
        record = row.strip("| ").split("|")[-1]
        assert re.search(r"ADR-\d{3}|plan\.md", record), f"no record: {row}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_a_record_refers_to_exists_or_is_called_planned(path: Path, tasks: list[Task], specification: str) -> None:
    text = read(path)
    decided = {f"ADR-{found.stem[4:7]}" for found in DECISIONS}
    for line in text.splitlines():
        if "planned" not in line and "to be written" not in line and not line.startswith("- ["):
            assert set(re.findall(r"\bADR-\d{3}\b", line)) <= decided, line
    known = {task.id for task in tasks}
    outside_examples = re.sub(r"`- \[.*?`", "", text)
    assert set(re.findall(r"\bT\d{3}\b", outside_examples)) <= known
    assert set(REQUIREMENT.findall(text)) <= set(REQUIREMENT.findall(specification))


# prompts --------------------------------------------------------------------------------------------------------------


def test_every_prompt_has_a_history_and_every_history_a_prompt() -> None:
    assert {path.stem for path in HISTORIES} == {prompt.id for prompt in all_prompts()}


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_a_history_tells_of_each_version_what_the_file_says(path: Path) -> None:
    text = read(path)
    versions = [prompt for prompt in all_prompts() if prompt.id == path.stem]
    for title in ("Settings", "Metrics", "Known issues", "Changes", "A/B history", "Reviews"):
        assert section(text, title).strip(), f"{title} is missing or empty"
    assert first_cells(section(text, "Changes")) == [str(prompt.version) for prompt in versions]
    for prompt in versions:
        assert f"`prompts/{prompt.id}/v{prompt.version}.md`" in text
        row = next(line for line in section(text, "Settings").splitlines() if line.startswith(f"| {prompt.version} |"))
        assert f"| {prompt.settings.temperature} | {prompt.settings.max_tokens} |" in row
        assert prompt.date.isoformat() in section(text, "Changes")
    active = next(prompt for prompt in versions if prompt.status == "active")
    assert f"- **Version**: {active.version} (active)" in text
    assert f"- **Agent**: {active.agent}\n" in text
    values = re.search(r"^- \*\*Values\*\*: (.+)$", text, re.MULTILINE)
    assert values
    assert set(re.findall(r"`(\w+)`", values[1])) == set(active.placeholders)


# constitution and sizes -----------------------------------------------------------------------------------------------


def test_each_of_the_ten_rules_says_why_and_what_holds_it() -> None:
    text = read(RECORDS / "memory" / "constitution.md")
    rules = re.split(r"^### ", section(text, "The ten rules"), flags=re.MULTILINE)[1:]
    assert [rule.split(".")[0] for rule in rules] == ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"]
    for rule in rules:
        assert "- **Why**: " in rule
        assert "- **Held by**: " in rule
    version = re.search(r"^Version (\d+\.\d+\.\d+) ", text, re.MULTILINE)
    assert version
    assert version[1] in first_cells(section(text, "Changing this page"))


@pytest.mark.parametrize("name", ["spec", "clarifications", "checklist", "research", "plan", "tasks"])
def test_the_specification_has_all_its_pages_each_with_a_version(name: str) -> None:
    assert re.search(r"^Version \d+\.\d+\.\d+ · \d{4}-\d\d-\d\d", read(SPEC / f"{name}.md"), re.MULTILINE)


def test_no_record_and_no_source_file_is_longer_than_the_limit() -> None:
    sources = [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts]
    assert sources
    files = [*PAGES, *sources]
    long = {str(path.relative_to(ROOT)): lines for path in files if (lines := len(read(path).splitlines())) >= LINES}
    assert long == {}
