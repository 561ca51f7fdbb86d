"""Where the directory's content comes from: a file per format, each turning a file into rows.

`recognise` finds out which format a file has. Sources say what they read and what's wrong with it, with the
place; what becomes of the rows is decided in `instep.directory`.
"""

from instep.sources.recognise import Source, Unrecognised, recognise

__all__ = ["Source", "Unrecognised", "recognise"]
