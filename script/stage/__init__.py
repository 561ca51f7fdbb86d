"""The stage of `script/demo`: the company's files, the servers, the terminal, and what the app holds in the end.

Nothing in here imports Instep: the demo uses it as a person would, by its commands, and checks it from outside.
"""
