"""The state: what jobs remember. `store` opens it; `reading` and `writing` are the two sides of its port;
`tables` says what is kept, `recording` how outcomes are, `due` who is looked at again, `history` the log.
"""

from instep.stores.state.store import StateStore

__all__ = ["StateStore"]
