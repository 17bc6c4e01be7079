"""Payment links of ours at which Stripe still sells while direct checkout is closed.

A sale that we are asked for is refused; whoever has a link asks Stripe, and not us. So they are told, to be closed.
"""

from replay.tables import LIVE

#: An expression: the ids of these in a mode, which `{mode}` says. Ours bear the mark of the call that made them.
SELLING_LINKS = f"""(
    SELECT coalesce(array_agg(l.id ORDER BY l.account, l.id), '{{{{}}}}') FROM {LIVE}.payment_links l
    WHERE l.mode = {{mode}} AND l.active AND l.metadata ? 'recount_call'
      AND NOT EXISTS (SELECT FROM {LIVE}.launch_gates o WHERE o.mode = l.mode AND o.open))
"""
