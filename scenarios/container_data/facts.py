"""What is kept in the workshop: other words and figures in each lab, the same after a reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labrunner import Lab

IMAGE = "workshop/db:1"
TOOLS = "tools:1"

DIARY = "/diary/today.txt"
"""Where the mechanic writes, in the container ``diary``."""

SHOP = "/home/workshop"
"""The folder of the workshop on the lab's host."""
PRICES = f"{SHOP}/prices"
SLIP = f"{SHOP}/price"
"""The folder that nobody wanted: a letter is missing."""
LIST, OFFERS = "prices.txt", "offers.txt"
OWNER = "1000"
"""The number of the user on the host to whom the prices belong."""

PGDATA = "/var/lib/postgresql/data"
DATABASE = "workshop"
CUSTOMERS, LOCKS = 30, 50

SCHEMA = """
CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE locks (
    id       integer PRIMARY KEY,
    customer integer NOT NULL REFERENCES customers,
    bike     text NOT NULL,
    code     text NOT NULL UNIQUE
);
"""
NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "June")
BIKES = ("racer", "tandem", "folding bike", "cargo bike", "tricycle", "unicycle")
ANIMALS = ("heron", "otter", "lynx", "finch", "mole", "newt", "stork", "vole", "wren", "hare")


def word(lab: Lab, name: str) -> str:
    """A word that only somebody who read it in this lab can know."""
    chance = lab.random(name)
    return f"{chance.choice(ANIMALS)}-{chance.randrange(10_000, 100_000)}"


def diary(lab: Lab) -> str:
    """What the mechanic wrote down today."""
    return f"The cellar key lies under the {word(lab, 'diary')}."


def receipts(lab: Lab) -> str:
    """What was sold last week."""
    chance = lab.random("receipts")
    return f"receipts of last week, {word(lab, 'receipts')}: {chance.randrange(900, 4000)}.50"


def letter(lab: Lab) -> str:
    """What lies in the volume ``letters``."""
    return f"Dear customer, your reference is {word(lab, 'letter')}."


def season(lab: Lab) -> str:
    """What lies in the volume ``season``, which is needed once a year."""
    return f"Winter tyres are behind the {word(lab, 'season')}."


def tube(lab: Lab) -> str:
    """The first line of the price list."""
    return f"tube {lab.random('tube').randrange(400, 900) / 100:.2f}"


def price_list(lab: Lab) -> str:
    """The price list, as it lies on the host."""
    chance = lab.random("prices")
    rows = [f"{what} {chance.randrange(10, 90)}.00" for what in ("tyre", "chain", "saddle")]
    return "\n".join([tube(lab), *rows])


def codes(lab: Lab) -> tuple[str, ...]:
    """The code of each lock, which is what customers trust the workshop with."""
    chance = lab.random("codes")
    numbers = chance.sample(range(10_000, 100_000), LOCKS)
    return tuple(f"{chance.choice(ANIMALS)}-{number}" for number in numbers)


def tables(lab: Lab) -> str:
    """The statements that fill the database."""
    chance = lab.random("rows")
    people = ", ".join(
        f"({n}, '{chance.choice(NAMES)} {chance.choice(ANIMALS).title()}')"
        for n in range(1, CUSTOMERS + 1)
    )
    locks = ", ".join(
        f"({n}, {chance.randint(1, CUSTOMERS)}, '{chance.choice(BIKES)}', '{code}')"
        for n, code in enumerate(codes(lab), 1)
    )
    filled = ("INSERT INTO customers VALUES", people, "; INSERT INTO locks VALUES", locks)
    return " ".join((SCHEMA, *filled))
