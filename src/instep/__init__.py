"""Instep keeps an organisation's apps in step with its directory.

Read ARCHITECTURE.md first: it follows one person through the code, from the directory to the app.
"""

__version__ = "0.1.0"
