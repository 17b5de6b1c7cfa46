"""`Plan` → an installable package on the disk: written beside its place, then moved there."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from labrunner.errors import LabError
from labrunner.killercoda import compose
from labrunner.killercoda.commands import HOST
from labrunner.killercoda.index import Script, Stage
from labrunner.killercoda.plan import Group, Plan
from labrunner.killercoda.report import Report, StepReport

_DOCKERFILE = """\
# The machine of the course: a Debian with the commands that its scripts and texts use.
ARG BASE=debian:trixie-slim
FROM ${{BASE}}
{install}WORKDIR /root
CMD ["sleep", "infinity"]
"""
_INSTALL = """\
RUN apt-get update \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\
      {packages} \\
 && rm -rf /var/lib/apt/lists/*
"""
_PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.25"]
build-backend = "hatchling.build"

[project]
name = "labrunner-{name}"
version = "0.1.0"
description = {description}
requires-python = ">=3.11"
dependencies = ["labrunner"]

[project.entry-points.labrunner]
{module} = "{module}"

[tool.hatch.build.targets.wheel]
packages = ["{module}"]
"""
_INIT = '''\
"""A lab that was imported from Killercoda; the entry point in ``pyproject.toml`` names this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labrunner import hookimpl

from .scenario import {imported}

if TYPE_CHECKING:
    from labrunner import Scenario

__all__ = {exported}


@hookimpl
def labrunner_scenarios() -> Sequence[Scenario]:
    """The scenario that this package brings."""
    return [scenario]
'''
_HOOK = '''\
@hookimpl
def labrunner_step_checked(lab: Lab, step: str, verdict: Verdict) -> None:
    """A step that is done lets the next one begin, with the scripts that it has."""
    if lab.scenario.name == scenario.name:
        course.checked(lab, step, verdict)'''


def write(plan: Plan, into: Path) -> Report:
    """Write the package, all of it or nothing.

    Raises:
        LabError: there is something of that name, or the folder cannot be written.
    """
    module = plan.name.replace("-", "_") + "_lab"
    report = _report(plan, into / plan.name, module)
    files = dict(_files(plan, module, report))
    if report.folder.exists() or report.folder.is_symlink():
        raise LabError(f"{report.folder} exists already", "Remove it, or choose another --into.")
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".import-", dir=into) as folder:
            draft = Path(folder) / plan.name
            for name, data in files.items():
                path = draft / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            draft.chmod(0o755)
            draft.rename(report.folder)
    except OSError as error:
        raise LabError(f"{report.folder} cannot be written: {error}", "Choose --into.") from error
    return report


def _report(plan: Plan, folder: Path, module: str) -> Report:
    steps = tuple(
        StepReport(
            group.id,
            group.title,
            tuple(section.stage.called for section in (*group.sections, *group.after)),
            group.judged,
            len(group.clicks),
        )
        for group in plan.groups
    )
    return Report(plan.name, folder, module, plan.host, steps, plan.findings)


def _files(plan: Plan, module: str, report: Report) -> Iterator[tuple[str, bytes]]:
    """Names and contents of everything in the package."""
    description = plan.course.description or plan.title
    texts = {
        "README.md": _readme(plan, report),
        "pyproject.toml": _PYPROJECT.format(
            name=plan.name, module=module, description=_quoted(" ".join(description.split()))
        ),
        f"{module}/__init__.py": _init(plan),
        f"{module}/scenario.py": scenario(plan),
        f"{module}/content/lesson.md": compose.compose(plan),
        f"{module}/images/{HOST}/Dockerfile": _dockerfile(plan),
    }
    yield from ((name, text.encode()) for name, text in texts.items())
    for script in _all_scripts(plan):
        yield f"{module}/files/scripts/{script.name}", script.text.encode()
    for asset in plan.course.assets:
        yield f"{module}/files/assets/{asset.name}", asset.data


def _all_scripts(plan: Plan) -> Iterator[Script]:
    for stage in plan.course.stages:
        yield from stage.scripts


def _dockerfile(plan: Plan) -> str:
    packages = " \\\n      ".join(plan.packages)
    return _DOCKERFILE.format(install=_INSTALL.format(packages=packages) if packages else "")


def _readme(plan: Plan, report: Report) -> str:
    rows = [
        f"# {plan.title}",
        "",
        "Made by `lab import killercoda`. `pip install .` beside labrunner, or set",
        "`LABRUNNER_SCENARIOS` to this folder; `lab validate` then shows what its checks prove.",
        "",
        "What the import said:",
        "",
        "```text",
        *(line.replace("```", "'''") for line in report.lines()),
        "```",
        "",
    ]
    return "\n".join(rows)


def _init(plan: Plan) -> str:
    names = ["labrunner_step_checked"] if _later_scripts(plan) else []
    imported = ", ".join([*names, "scenario"])
    exported = json.dumps(sorted(["labrunner_scenarios", *names]))
    return _INIT.format(imported=imported, exported=exported)


# --- scenario.py --------------------------------------------------------------------------


def scenario(plan: Plan) -> str:
    """The module that describes the lab."""
    head = [f'"""{_comment(plan.title)}, imported from Killercoda."""', ""]
    blocks = [_imports(plan), _course(plan), _scenario(plan)]
    blocks += [_check(group) for group in plan.groups]
    if _later_scripts(plan):
        blocks.append(_HOOK)
    return (
        "\n".join([*head, blocks[0], "", blocks[1], "", blocks[2]])
        + "".join(f"\n\n\n{block}" for block in blocks[3:])
        + "\n"
    )


def _imports(plan: Plan) -> str:
    names = ["Image", "Scenario"]
    names += [] if plan.docker else ["Container", "Network"]
    hook = ["hookimpl"] if _later_scripts(plan) else []
    runtime = ["Course"]
    runtime += ["File"] if plan.course.assets else []
    runtime += ["Scripts"] if any(_scripts_of(s) for s in plan.course.stages) else []
    runtime += ["unproven"] if any(g.judged == "none" for g in plan.groups) else []
    return "\n".join(
        [
            "from __future__ import annotations",
            "",
            "from pathlib import Path",
            "from typing import TYPE_CHECKING",
            "",
            f"from labrunner import {', '.join([*sorted(names), *hook])}",
            f"from labrunner.killercoda.runtime import {', '.join(runtime)}",
            "",
            "if TYPE_CHECKING:",
            "    from labrunner import Lab, Verdict",
        ]
    )


def _course(plan: Plan) -> str:
    course = plan.course
    names = sorted({f"scripts/{script.name}" for script in _all_scripts(plan)})
    rows = ["course = Course(", '    folder=Path(__file__).parent / "files",']
    rows += _tuple("scripts", (_quoted(name) for name in names))
    rows += _tuple(
        "assets",
        (
            f"File({_quoted(f'assets/{a.name}')}, {_quoted(a.target)}, 0o{a.mode:o})"
            for a in course.assets
        ),
    )
    rows += _tuple("start", _scripts_of(course.intro))
    if _later_scripts(plan) or any(_group_scripts(g) for g in plan.groups):
        rows.append("    steps={")
        for group in plan.groups:
            rows.append(f"        {_quoted(group.id)}: {_inline(_group_scripts(group))},")
        rows.append("    },")
    rows += _tuple("finish", _end_scripts(plan))
    if plan.docker:
        rows.append(f"    docker={_quoted(_image(plan))},")
        rows += ["    power=True,"] if plan.power else []
    return "\n".join([*rows, ")"])


def _scenario(plan: Plan) -> str:
    image = _quoted(_image(plan))
    rows = [
        "# The scripts are somebody's own: they run in a sandbox, and nowhere else.",
        "scenario = Scenario(",
        f"    name={_quoted(plan.name)},",
    ]
    if not plan.docker:
        power = ', cap_add=("NET_ADMIN",)' if plan.power else ""
        rows += [
            '    networks=(Network("lab"),),',
            f'    containers=(Container("{HOST}", {image}, ("lab",){power}),),',
        ]
    rows += [
        f'    images=(Image({image}, "images/{HOST}"),),',
        '    hosts=("sandbox",),',
        *(["    internet=True,"] if plan.internet else []),
        "    setup=course.set_up,",
        ")",
    ]
    return "\n".join(rows)


def _check(group: Group) -> str:
    verify = group.main.stage.verify
    rows = [
        f'@scenario.check("{group.id}")',
        f"def check_{group.id.replace('-', '_')}({'lab' if verify else '_lab'}: Lab) -> Verdict:",
    ]
    if verify is None:
        rows += [
            '    """Nothing judges this step: write what should be true when it is done."""',
            f"    return unproven({_quoted(group.main.stage.called)})",
        ]
        return "\n".join(rows)
    rows.append(f'    """What {_comment(verify.name)} says."""')
    if group.judged == "no-op":
        rows.append("    # PROVES NOTHING: this script succeeds whatever the learner does.")
    rows.append(f"    return course.verify(lab, {_quoted(f'scripts/{verify.name}')})")
    return "\n".join(rows)


def _image(plan: Plan) -> str:
    return f"{plan.name}/machine:1"


def _scripts_of(stage: Stage) -> list[str]:
    """The code for what a stage runs when it begins."""
    given = {"background": stage.background, "foreground": stage.foreground}
    words = [f"{key}={_quoted(f'scripts/{s.name}')}" for key, s in given.items() if s]
    return [f"Scripts({', '.join(words)})"] if words else []


def _group_scripts(group: Group) -> list[str]:
    return [code for section in group.sections for code in _scripts_of(section.stage)]


def _end_scripts(plan: Plan) -> list[str]:
    after = [code for s in plan.groups[-1].after for code in _scripts_of(s.stage)]
    return [*after, *_scripts_of(plan.course.finish)]


def _later_scripts(plan: Plan) -> bool:
    """Whether anything runs after the first step has begun."""
    return bool(_end_scripts(plan)) or any(_group_scripts(g) for g in plan.groups[1:])


def _tuple(name: str, values: Iterable[str]) -> list[str]:
    found = list(values)
    if not found:
        return []
    return [f"    {name}=(", *(f"        {value}," for value in found), "    ),"]


def _inline(values: list[str]) -> str:
    return f"({', '.join(values)},)" if values else "()"


def _quoted(text: str) -> str:
    """A string for Python and TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """A few words that can stand in a docstring."""
    return re.sub(r'[\\"\x00-\x1f]', "", text)[:60].strip() or "A lab"
