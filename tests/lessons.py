"""A good lesson, in pieces."""

from __future__ import annotations

from pathlib import Path

PATH = Path("lesson.md")

HEAD = """\
---
title: Segment a shop
level: beginner
minutes: 40
summary: "One network becomes three: no outage."
objectives:
  - see who can talk
  - cut the shop in pairs
requires: []
---
"""

STEP = """\
## Look around {#look-around}

Who is there?

::: hint
Ask the engine.
:::

More to read.

::: solution
```console
$ docker ps
NAMES
```
:::
"""

GOOD = f"""{HEAD}
Welcome.

::: warning
This is real.
:::

{STEP}
::: trap "nobody was named"
```console
$ true
```
:::

## Cut *it* `now` {{#cut-it}}

:::: hint
Outer.

::: note
Inner.
:::
::::

::: hint
Second.
:::

::: solution
First this:

```console
$ docker network create \\
    --internal back
abc

def
$ cat > file <<END
> one
>
> END
```

Then that:

```console
$ docker network rm front
```
:::
"""
