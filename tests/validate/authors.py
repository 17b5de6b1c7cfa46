"""An author who writes a tiny scenario with something changed in it, and has it proven."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from labrunner.validate.bench import Patience
from labrunner.validate.proof import Kind, Proof, Result
from labrunner.validate.run import Options, validate
from tests import tiny

SOLUTION = "$ docker run -d --name tiny-two --network tiny-net tools:1 sleep infinity"
SECOND_CHECK = """
@scenario.check("three")
def three(lab):
    if lab.file("tiny-one", "/tmp/three") is None:
        return not_yet("There is no file.", expected="/tmp/three", seen="no such file")
    return passed("the file is there")
"""
SECOND_STEP = """
## A file {#three}

Make one.

::: hint
`touch`
:::

::: hint
`docker exec`
:::

::: solution
```console
$ docker exec tiny-one touch /tmp/three
```
:::

::: trap "There is no file"
```console
$ docker exec tiny-one touch /tmp/four
```
:::
"""
QUICK = Patience(start=300, command=15, check=10, stop=180)
"""What hangs in these tests does so in a command or a check; a busy machine is to get through."""

how = partial(replace, Options(seed=2, patience=QUICK))


@dataclass(frozen=True)
class Author:
    """Writes a tiny scenario with something changed in it, and has it proven."""

    folder: Path

    def write(self, **changed: str) -> None:
        """The scenario's files, with these words changed."""
        tiny.write(self.folder, **changed)

    def prove(
        self,
        *only: str,
        names: tuple[str, ...] = ("tiny",),
        options: Options | None = None,
    ) -> Proof:
        """What comes of it."""
        return validate(names, replace(options or how(), only=only))


def left(state: Path, runtime: str) -> list[str]:
    """What is left of any lab of a test."""
    from labrunner.engine.client import connect
    from labrunner.store import Store

    found = [str(path) for path in Path(runtime).iterdir()] if Path(runtime).exists() else []
    client = connect()
    for database in state.glob("validate/*/labs.db"):
        store = Store(database)
        for lab_id in store.known_ids():
            label = {"label": f"labrunner.lab={lab_id}"}
            found += [c["Names"][0] for c in client.api.containers(all=True, filters=label)]
        store.close()
    client.close()
    return found


def only(proof: Proof, kind: Kind, number: int = 1) -> Result:
    """The one result of a kind."""
    (found,) = [r for r in proof.results if (r.case.kind, r.case.number) == (kind, number)]
    return found
