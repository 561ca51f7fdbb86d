"""The outside world: what the engine asks of an app, the directory, the state, the mail server and the clock.

Each is a protocol with the values that go through it. Adapters live in `stores`, `targets`, `mailing` and `sources`;
`wiring` chooses them. The network side is async, the store side isn't.
"""

from instep.core.app import App as App
from instep.core.record import CycleSummary as CycleSummary
from instep.core.record import Exchange as Exchange
from instep.core.record import Intent as Intent
from instep.core.record import Judging as Judging
from instep.core.record import Lease as Lease
from instep.core.record import LogEntry as LogEntry
from instep.core.record import Membership as Membership
from instep.core.record import Record as Record
from instep.core.record import SpoolEntry as SpoolEntry
from instep.core.record import Watermark as Watermark
from instep.ports.audits import AuditReader as AuditReader
from instep.ports.audits import AuditWriter as AuditWriter
from instep.ports.clock import Chance as Chance
from instep.ports.clock import Clock as Clock
from instep.ports.directory import Directory as Directory
from instep.ports.directory import DirectoryReader as DirectoryReader
from instep.ports.directory import View as View
from instep.ports.state import AlreadyLinked as AlreadyLinked
from instep.ports.state import LeaseLost as LeaseLost
from instep.ports.state import LeaseTaken as LeaseTaken
from instep.ports.state import State as State
from instep.ports.state import StateReader as StateReader
from instep.ports.state import StateWriter as StateWriter
from instep.ports.target import Answer as Answer
from instep.ports.target import AppUnavailable as AppUnavailable
from instep.ports.target import Resource as Resource
from instep.ports.target import Target as Target
