"""What the mapping language took over from .NET: dates and their formats, regular expressions, letter case.

Each module follows the documented behaviour of .NET with the invariant culture, and says where it can't.
"""
