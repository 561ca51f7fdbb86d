"""The personas: what makes the app misbehave, each the way in which real apps do.

A persona's docstring is its description, in three paragraphs: what it does, who does so, what a client should do. The
command's list and the reference page are made from them. Several can be worn at once: the first is the outermost.
"""

from instep.hostile.personas.abilities import ClaimsAbilities, NoDiscovery, NoPatch, NoUniqueness
from instep.hostile.personas.answers import CaseGames, ErrorIn200, HtmlAnswers, HugeAnswers, Redirects, RepeatsRequests
from instep.hostile.personas.connections import Answers500Sometimes, ExecutesAndHangsUp, SlowLoris
from instep.hostile.personas.limits import ExpiresTokens, LimitsMembers, ThrottlesLikeSlack, ThrottlesSilently
from instep.hostile.personas.persona import Go, Persona, Settings, SettingsError
from instep.hostile.personas.reads import HidesMembers, IgnoresFilters, PagesLikeAws, StaleReads
from instep.hostile.personas.writes import DisablingDeletes, RewritesValues, Says200DoesNothing

PERSONAS: dict[str, type[Persona]] = {
    each.name: each
    for each in (
        IgnoresFilters,
        PagesLikeAws,
        HidesMembers,
        StaleReads,
        NoUniqueness,
        RewritesValues,
        DisablingDeletes,
        Says200DoesNothing,
        ExecutesAndHangsUp,
        Answers500Sometimes,
        SlowLoris,
        ThrottlesLikeSlack,
        ThrottlesSilently,
        LimitsMembers,
        ExpiresTokens,
        ClaimsAbilities,
        NoPatch,
        NoDiscovery,
        CaseGames,
        ErrorIn200,
        HtmlAnswers,
        Redirects,
        RepeatsRequests,
        HugeAnswers,
    )
}
"""By name, in the order in which they're listed."""

__all__ = ["Go", "PERSONAS", "Persona", "Settings", "SettingsError"]
