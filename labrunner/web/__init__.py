"""The page: a server of one person's labs, on this machine alone.

``serving.py`` runs it and ``address.py`` finds it again; ``gate.py`` decides who may ask, and
``app.py`` puts together what answers: ``api.py`` with ``labs.py`` and ``maps.py``. What lives as
long as the server is in ``server.py``: ``terminals.py`` keeps terminals and ``programs.py`` runs
what is in them, ``tasks.py`` works on labs in threads, ``watching.py`` sees what others do to
them, and ``news.py`` tells of it. ``wire.py`` connects pages with news and terminals.
"""
