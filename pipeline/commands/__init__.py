"""The command line's groups of commands, one module a group, each with its `app`.

Bodies are short and import what they need when they run, so that `minecover --help` answers at once.
"""
