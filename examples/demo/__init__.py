"""Everything on one machine, for looking around: `make run`.

`__main__` tells it in order: look at the ports, make keys, migrate, register an application and a person with
the commands operators use, start the processes, and say what to open. What it makes lives in `var/`; remove
that folder to begin again. Nothing here is for production: docs/operate.md says how to run Regain in earnest.
"""
