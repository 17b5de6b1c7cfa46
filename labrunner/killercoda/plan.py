"""`Course` → `Plan`: which steps the lab has, what it runs on, what it will need and lack."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from labrunner.killercoda import commands, scripts
from labrunner.killercoda import text as texts
from labrunner.killercoda.commands import Click
from labrunner.killercoda.index import Course, Script, Stage
from labrunner.killercoda.report import Finding, Judged
from labrunner.killercoda.text import Part, Text

_PLAIN = re.compile(r"(ubuntu|debian)\b.*", re.IGNORECASE)
_DOCKER = re.compile(r"docker\b.*", re.IGNORECASE)
_CLUSTER = re.compile(
    r".*(kube|k8s|k3s|openshift|rancher|minikube|istio|nomad|swarm).*", re.IGNORECASE
)
_NODES = re.compile(r"(\d+)[-_]?nodes?", re.IGNORECASE)
_MINUTES_A_STEP = 5
_LEVELS = {
    "beginner": "beginner|easy|basic|novice|simple|anfänger|débutant|principiante",
    "intermediate": "intermediate|medium|moderate|mittel|moyen|intermedio",
    "advanced": "advanced|hard|expert|difficult|schwer|avancé|avanzado",
}


@dataclass(frozen=True)
class Section:
    """A stage with its text taken apart."""

    stage: Stage
    title: str
    text: Text
    answer: Text

    @property
    def solution(self) -> list[Part]:
        """The parts of its solution, wherever they were written."""
        return [*self.text.of("solution"), *self.answer.parts]


@dataclass(frozen=True)
class Group:
    """A step of the lab: one step of the course, with those before it that nothing judges.

    Attributes:
        id, title: of the step.
        before: steps without a verify script that lead to it.
        main: the step that has one; without one it cannot be proven.
        after: what follows the last step and cannot be proven.
        judged: what its check is worth.
        clicks: what its solution types, in order.
    """

    id: str
    title: str
    before: tuple[Section, ...]
    main: Section
    after: tuple[Section, ...]
    judged: Judged
    clicks: tuple[Click, ...]

    @property
    def sections(self) -> tuple[Section, ...]:
        """What leads to its check, in order."""
        return (*self.before, self.main)


@dataclass(frozen=True)
class Plan:
    """Everything that the package is written from.

    Attributes:
        name: of the scenario.
        docker: the machine has the sandbox's docker.
        packages: Debian packages that its image needs.
        internet: something is fetched while it runs.
        power: the machine may change its own network.
    """

    course: Course
    name: str
    title: str
    level: str
    minutes: int
    intro: Section
    groups: tuple[Group, ...]
    finish: Section
    docker: bool
    packages: tuple[str, ...]
    internet: bool
    power: bool
    findings: tuple[Finding, ...]

    @property
    def host(self) -> str:
        """What the learner works on, in words."""
        image = self.course.image or "no image"
        what = f"Its machine ({image}) is a Debian container called {commands.HOST}"
        if self.docker:
            what += ", whose docker is the engine of the lab's own sandbox"
        return f"{what}: docker exec -it {commands.HOST} bash"


def make(course: Course) -> Plan:
    """What the lab will be. Nothing is run or written."""
    return _Planner(course).plan()


class _Planner:
    """Plans one lab, collecting what cannot be as it was."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.findings = list(course.findings)

    def found(self, kind: object, where: str, message: str) -> None:
        finding = Finding(kind, where, message)  # type: ignore[arg-type]
        if finding not in self.findings:
            self.findings.append(finding)

    def plan(self) -> Plan:
        """The whole plan."""
        intro, finish = self.section(self.course.intro, ""), self.section(self.course.finish, "")
        steps = [self.section(s, f"Step {n}") for n, s in enumerate(self.course.steps, 1)]
        if not steps:
            message = "there are no steps: one is made of it, which nothing can judge"
            self.found("unproven", "details.steps", message)
            steps = [self.section(Stage("details.steps"), self.course.title or "Look around")]
        groups = self.groups(steps)
        names = self.called([intro, *steps, finish])
        docker = self.machine(names)
        self.judge_scripts()
        fetched = self.fetched([intro, *steps, finish])
        power = bool(names & scripts.NETWORK_TOOLS)
        if power:
            message = "the machine gets NET_ADMIN, since the course changes networks"
            self.found("changed", "backend.imageid", message)
        return Plan(
            course=self.course,
            name=self.name(),
            title=self.course.title or self.name().replace("-", " ").capitalize(),
            level=self.level(),
            minutes=self.minutes(len(steps)),
            intro=intro,
            groups=groups,
            finish=finish,
            docker=docker,
            packages=tuple(scripts.packages(names | ({"docker"} if docker else set()))),
            internet=fetched,
            power=power,
            findings=tuple(self.findings),
        )

    # --- texts ----------------------------------------------------------------------------

    def section(self, stage: Stage, title: str) -> Section:
        """A stage, its text taken apart."""
        source, heading = _without_heading(stage.text, stage.title)
        text = texts.parse(source, stage.called)
        answer = texts.parse(stage.answer, f"{stage.place}.answer", "solution")
        for finding in (*text.findings, *answer.findings):
            self.found(finding.kind, finding.where, finding.message)
        return Section(stage, stage.title or heading or title, text, answer)

    def groups(self, steps: list[Section]) -> tuple[Group, ...]:
        """The steps of the lab: what cannot be judged is read before what can."""
        if not any(step.stage.verify for step in steps):
            for step in steps:
                message = "no verify script: whether it was done cannot be proven; write a check"
                self.found("unproven", step.stage.called, message)
            return self.finished([((), step, ()) for step in steps])
        found: list[tuple[tuple[Section, ...], Section, tuple[Section, ...]]] = []
        waiting: list[Section] = []
        for step in steps:
            if step.stage.verify:
                found.append((tuple(waiting), step, ()))
                waiting = []
                continue
            waiting.append(step)
        for before, main, _ in found:
            for step in before:
                self.merged(step, f"it is read at the beginning of “{main.title}”")
        if waiting:
            before, main, _ = found[-1]
            found[-1] = (before, main, tuple(waiting))
            for step in waiting:
                self.merged(step, f"it is read at the end of “{main.title}”, and not solved")
        return self.finished(found)

    def merged(self, step: Section, where: str) -> None:
        message = f"no verify script, so “{step.title}” cannot be proven and is no step: {where}"
        self.found("unproven", step.stage.called, message)

    def finished(
        self, found: list[tuple[tuple[Section, ...], Section, tuple[Section, ...]]]
    ) -> tuple[Group, ...]:
        """The groups, with ids and with what their solutions type."""
        taken: set[str] = set()
        groups = []
        for number, (before, main, after) in enumerate(found, 1):
            verify = main.stage.verify
            why = scripts.proves_nothing(verify.text) if verify else ""
            if verify and why:
                message = f"this verify script proves nothing: {why}; lab validate will fail it"
                self.found("unproven", verify.name, message)
            judged: Judged = "none" if not verify else "no-op" if why else "verify"
            slug = re.sub(r"^step-\d+-(?=[a-z])", "", _slug(main.title))
            step_id = _unique(slug or f"step-{number}", taken)
            clicks = tuple(c for s in (*before, main) for c in self.clicks(s))
            if not clicks:
                message = "no command to click on: its solution has to be written"
                self.found("lost", main.stage.called, message)
            groups.append(Group(step_id, main.title, before, main, after, judged, clicks))
        marked = iter(commands.mark_stays(c for g in groups for c in g.clicks))
        return tuple(replace(g, clicks=tuple(next(marked) for _ in g.clicks)) for g in groups)

    def clicks(self, section: Section) -> Iterator[Click]:
        """What the solution of a section types: each click, else what its code blocks say."""
        parts = [*section.text.of("body"), *section.solution]
        found = [click for part in parts for click in part.clicks]
        if not found:
            found = texts.guess(section.solution)
            if found:
                message = "nothing to click on: the solution is typed from its code blocks"
                self.found("changed", section.stage.called, message)
        for click in found:
            if scripts.EDITORS & scripts.called(click.text):
                message = f"`{click.text.splitlines()[0]}` waits for a person: mend the solution"
                self.found("lost", section.stage.called, message)
        yield from found

    # --- the machine ----------------------------------------------------------------------

    def called(self, sections: list[Section]) -> set[str]:
        """The names of every command in scripts and clicks."""
        return {name for _, text in self.all_scripts(sections) for name in scripts.called(text)}

    def all_scripts(self, sections: list[Section]) -> Iterator[tuple[str, str]]:
        """Names and texts of everything that runs: scripts, assets that are some, clicks."""
        for stage in self.course.stages:
            yield from ((script.name, script.text) for script in stage.scripts)
        for asset in self.course.assets:
            if asset.data.startswith(b"#!") or asset.name.endswith((".sh", "Dockerfile")):
                yield f"assets/{asset.name}", asset.data.decode("utf-8", "replace")
        for section in sections:
            parts = [*section.text.parts, *section.answer.parts]
            clicks = [c.text for p in parts for c in p.clicks] or [
                c.text for c in texts.guess(section.solution)
            ]
            yield section.stage.called, "\n".join(clicks)

    def machine(self, names: set[str]) -> bool:
        """Whether the machine needs docker; says what of the original's it is not."""
        image, place = self.course.image, "backend.imageid"
        docker = bool(_DOCKER.fullmatch(image) or names & {"docker", "docker-compose"})
        if _CLUSTER.fullmatch(image):
            nodes = _NODES.search(image)
            what = f"{nodes[1]} machines" if nodes and nodes[1] != "1" else "a cluster"
            message = f"{image} is {what}: there is one Debian container, without the cluster"
            self.found("lost", place, message)
        elif _PLAIN.fullmatch(image) or _DOCKER.fullmatch(image):
            message = f"{image} is a virtual machine; here it is a container of Debian 13"
            self.found("changed", place, message)
        else:
            message = f"the image {image or '(none named)'} is not there; a Debian container is"
            self.found("lost", place, message)
        if docker:
            message = (
                "docker in the container is the sandbox's own engine: /root and /tmp are the same "
                "folders for it, no others; and `docker ps` shows the container itself"
            )
            self.found("changed", place, message)
        for name, why in scripts.absent(names).items():
            self.found("lost", name, f"the command {why}")
        return docker

    def fetched(self, sections: list[Section]) -> bool:
        """Whether anything comes from the internet; says what and where."""
        found = False
        built: set[str] = set()
        for name, text in self.all_scripts(sections):
            what = scripts.downloads(text)
            built |= scripts.built(text)
            missing = [i for i in scripts.images(text) if i not in built]
            if what:
                message = f"downloads {', '.join(what)}: the lab gets a way to the internet"
                self.found("needs", name, message)
            for image in missing:
                message = f"the image {image} is not in the lab: it is pulled from a registry"
                self.found("needs", name, message)
            found = found or bool(what or missing)
        return found

    def judge_scripts(self) -> None:
        """Say what scripts do that is different here."""
        for stage in self.course.stages:
            for script in stage.scripts:
                if "/etc/killercoda" in script.text:
                    self.found("lost", script.name, "reads /etc/killercoda, which is not there")
                if ".bash_history" in script.text:
                    message = "judges what was typed, not what is: a right way may be refused"
                    self.found("changed", script.name, message)
            if stage.foreground and scripts.changes_its_shell(stage.foreground.text):
                message = "sets its shell's folder, variables or aliases: the learner's is another"
                self.found("lost", stage.foreground.name, message)
            if stage.verify:
                self.judge_verify(stage.verify)
        for stage in (self.course.intro, self.course.finish):
            if stage.verify:
                message = "only steps have checks; this one is copied, but never run"
                self.found("lost", f"{stage.place}.verify", message)

    def judge_verify(self, script: Script) -> None:
        written = scripts.writes(script.text)
        if written:
            message = f"writes {', '.join(written)}: a check should look and change nothing"
            self.found("changed", script.name, message)

    # --- the head -------------------------------------------------------------------------

    def name(self) -> str:
        """The name that a learner types: the folder's, or the title's."""
        return _slug(self.course.name) or _slug(self.course.title) or "imported-lab"

    def level(self) -> str:
        """The nearest of labrunner's levels."""
        for level, words in _LEVELS.items():
            if re.search(words, self.course.difficulty, re.IGNORECASE):
                return level
        if self.course.difficulty:
            message = f"there is no level {self.course.difficulty}: it is beginner"
            self.found("changed", "difficulty", message)
        return "beginner"

    def minutes(self, steps: int) -> int:
        """The largest number in its time."""
        numbers = [int(n) for n in re.findall(r"\d{1,4}", self.course.time)]
        if numbers and max(numbers) > 0:
            hours = re.search(
                r"\d\s*(h\b|hours?|stunden?|heures?|horas?)", self.course.time, re.IGNORECASE
            )
            return max(numbers) * (60 if hours else 1)
        if self.course.time:
            self.found("changed", "time", f"{self.course.time!r} is no number of minutes")
        return max(steps, 1) * _MINUTES_A_STEP


def _without_heading(source: str, title: str) -> tuple[str, str]:
    """A text without a first heading that only repeats the title; and that heading."""
    match = re.match(r"\s*#{1,3}\s+(?P<words>[^\n]*?)\s*#*\s*(\n|$)", source)
    if match and (not title or _slug(match["words"]) == _slug(title)):
        return source[match.end() :], match["words"]
    return source, ""


def _slug(text: str) -> str:
    """Lower-case words joined by hyphens, beginning with a letter; empty where there is none."""
    plain = (
        unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    )
    words = re.findall(r"[a-z0-9]+", plain.lower())
    while words and not words[0][0].isalpha():
        words.pop(0)
    return "-".join(words)[:60].rstrip("-")


def _unique(name: str, taken: set[str]) -> str:
    number, chosen = 1, name
    while chosen in taken:
        number += 1
        chosen = f"{name}-{number}"
    taken.add(chosen)
    return chosen
