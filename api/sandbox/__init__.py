"""A stateful Stripe on loopback, for developers, tests and the demo: strict where Stripe is strict.

A request goes: `server` (HTTP, keys, faults) -> `idempotency` -> `parameters` (strict, from the SDK's own types) ->
a handler of `resources/` on a `desk` (one account's objects within one request) -> `rendering` in the API version
asked for. Events are kept by `desk.emit` and go out by `webhooks`. Objects are kept in the newest version's shape;
`versions` knows how older ones differ.
"""
