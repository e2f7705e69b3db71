"""Other tools on the same data by the same 40 rules, each in an environment of its own.

`rules`, `sql` and the modules `run_*` are run by the tools' own interpreters: they import the standard library, each
other and the tool, and nothing of the mesh.
"""
