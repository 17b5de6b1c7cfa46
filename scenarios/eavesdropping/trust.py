"""Steps 7 to 9: encryption, whom it is for, and where the password lies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labrunner import not_yet, passed
from labrunner.checks import running

from .facts import app_knows_better, app_works, loot, password
from .walls import CAUGHT, catches, caught_lines

if TYPE_CHECKING:
    from labrunner import Lab, Verdict

NO_FILE = "sslrootcert=/nowhere"
LOOK_ENV = "docker inspect -f '{{json .Config.Env}}' app"


def encrypt(lab: Lab) -> Verdict:
    """The app's connection is encrypted, and a capture from after that shows nothing."""
    if problem := app_works(lab, tls=True):
        return problem
    found = loot(lab, "insider", "/tmp/tls.pcap")  # noqa: S108
    if not isinstance(found, tuple):
        return found
    has_password, patients = found
    if has_password or patients:
        return not_yet(
            "The capture can be read. Was db encrypting when you listened?",
            expected="a capture from after the change, in which nothing can be read",
            seen=f"password: {'yes' if has_password else 'no'}, patients: {patients}",
            look="docker logs --tail 3 app",
        )
    return app_knows_better(lab) or passed(
        "insider has packets of app and db, and can read neither password nor patients.",
        seen="packets of port 5432 in /tmp/tls.pcap, none of this lab's secrets",
    )


def believes(lab: Lab) -> str:
    """Whom the app takes for db, tried with the app's own settings.

    Returns:
        ``anybody``, ``verify-ca`` (whoever has a certificate that it trusts, whatever name is
        in it), ``verify-full``, or what psql said where it cannot connect at all.
    """
    view = lab.container("db")
    places = [place for place in view.networks.values() if place] if view else []
    if not places:
        return "db has no address"
    # the right address under a name that is in no certificate
    other = f"host=another-name hostaddr={places[0]}"
    result = lab.exec("app", ["psql", "-XAt", "-c", "SELECT 1", other])
    if result.code != 0:
        wrong_name = "does not match host name" in result.err
        return "verify-full" if wrong_name else result.err.strip().splitlines()[-1]
    blind = lab.exec("app", ["psql", "-XAt", "-c", "SELECT 1", f"{other} {NO_FILE}"])
    return "anybody" if blind.code == 0 else "verify-ca"


def verify(lab: Lab) -> Verdict:
    """Two ways of asking for encryption lost the password; the third did not."""
    if problem := running(lab, "insider") or lost_twice(lab) or believes_only_db(lab):
        return problem
    last = (caught_lines(lab, "insider") or [""])[-1]
    if not last.startswith("refused"):
        return not_yet(
            "The last time insider played db, app believed it. Try again, now that app verifies.",
            expected=f"refusals at the end of insider's {CAUGHT}",
            seen=last,
            look=f"docker exec insider cat {CAUGHT}",
        )
    return passed("prefer and require gave the password away; verify-full hung up.", seen=last)


def lost_twice(lab: Lab) -> Verdict | None:
    """``None`` where the impostor got the password without and with TLS."""
    for how, mode, option in (("plain", "prefer", ""), ("TLS", "require", "--tls ")):
        if not catches(lab, "insider", how):
            return not_yet(
                f"insider has not yet been given the password by an app with sslmode={mode}.",
                expected=f"a line that begins with {how} in insider's {CAUGHT}",
                seen=(caught_lines(lab, "insider") or ["nothing there"])[-1],
                look=f"docker exec insider impostor {option}app db",
            )
    return None


def believes_only_db(lab: Lab) -> Verdict | None:
    """``None`` where the app works over TLS and takes nobody but db for db."""
    if problem := app_works(lab, tls=True):
        return problem
    whom = believes(lab)
    if whom == "verify-full":
        return None
    message = {
        "anybody": "app believes anybody who says that it is db.",
        "verify-ca": "app looks at who signed the certificate, and not at the name in it.",
    }.get(whom, "app cannot say whom it believes.")
    return not_yet(
        message,
        expected="app with sslmode=verify-full and db's certificate to go by",
        seen=f"db under another name: {'accepted' if whom in ('anybody', 'verify-ca') else whom}",
        look=LOOK_ENV,
    )


def logs_in(lab: Lab, word: str) -> bool:
    """Whether this word is desk's password now."""
    view = lab.container("db")
    places = [place for place in view.networks.values() if place] if view else []
    if not places or re.search(r"[\s'\\]", word):
        return False
    wanted = f"host={places[0]} user=desk dbname=clinic sslmode=prefer password={word}"
    return lab.exec("db", ["psql", "-XAt", "-c", "SELECT 1", wanted]).code == 0


def words_shown(lab: Lab) -> dict[str, str]:
    """Every word that ``docker inspect app`` shows of environment and command, and where."""
    view = lab.container("app")
    if view is None:
        return {}
    known = ("PATH", "PGHOST", "PGUSER", "PGDATABASE", "PGCONNECT_TIMEOUT", "PGSSLMODE")
    texts = {f"the variable {name}": v for name, v in view.env.items() if name not in known}
    texts["its command"] = " ".join([view.attrs["Path"], *view.attrs["Args"]])
    return {
        word: place
        for place, text in texts.items()
        for word in {text, *re.split(r"[\s'\"=:@;]+", text)}
        if word and not word.startswith(("/", "-"))
    }


def secret(lab: Lab) -> Verdict:
    """The stolen password is worth nothing, and the new one is nowhere to be seen."""
    if problem := believes_only_db(lab):
        return problem
    if logs_in(lab, password(lab)):
        return not_yet(
            "The stolen password still opens db.",
            expected="another password for desk",
            seen="the old one is accepted",
            look=LOOK_ENV,
        )
    for word, place in words_shown(lab).items():
        if logs_in(lab, word):
            return not_yet(
                "The new password can be read with docker inspect.",
                expected="the password in a file, and only the name of that file in the settings",
                seen=f"it is in {place}",
                look=LOOK_ENV,
            )
    return passed("The stolen password is worthless, and docker inspect does not show the new one.")
