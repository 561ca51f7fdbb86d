"""The use cases of the directory: import, edit, assign, export, generate.

What may be changed and what a change means is decided here; how it's kept, in `instep.stores.directory`, which
comes in through the protocols of `store`. Time, ids and files come in from outside.
"""
