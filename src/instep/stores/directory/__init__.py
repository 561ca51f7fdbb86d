"""The directory's store. `store` has the doors, `tables` what is kept, `affected` who a change concerns."""

from instep.stores.directory.store import DirectoryStore

__all__ = ["DirectoryStore"]
