"""Self-service account recovery: the only way back in, for everybody.

It hooks into the sign-in screen through `idp.plugins` and nothing else; take "recovery" out of INSTALLED_APPS and
its plug-in out of IDP_PLUGINS, and the provider works without it.

    URL                          page              what it asks                          intention
    /recovery/                   identify          who are you?                          flow.begin
    /recovery/how/               how               (nothing: how recovery works here)
    /recovery/username/          username          where do we know you?                 usernames.send
    /recovery/problem/           problem           what is stopping you?                 flow.choose_problem
    /recovery/method/            method            how will you prove it?                flow.choose_method
    /recovery/none/              none              (nothing: where to look once more)
    /recovery/address/           address           your full address, typed              flow.send_challenge
    /recovery/code/              code, held_code   the code from the message, the app    flow.submit_answer, send_again,
                                                   or the sheet of saved ones            show_held
    /recovery/passkey/           passkey           a passkey                             flow.show_held
    /recovery/current-password/  current_password  the password that you know            flow.show_held
    /recovery/stranded/          stranded          (nothing: what is missing)
    /recovery/password/          new_password      a new password                        effects.set_new_password
    /recovery/password/passkey/  passkey_instead   a passkey instead                     effects.create_passkey
    /recovery/unlock/            unlock            keep the password, or a new one too?  effects.finish
    /recovery/factor/            factor, new_app,  another second factor                 effects.replace_factor
                                 new_passkey
    /recovery/done/              done              (nothing: what happened, and the way on)
    /recovery/ended/             ended             (nothing: why it is over, and how to begin again)

A journey stores facts; `domain.journey.current_step` says which question they lead to:

    stateDiagram-v2
    [*] --> identify
    identify --> problem: a name was typed
    problem --> method: the problem is known
    method --> address: a method was chosen
    address --> code: a code is on its way
    code --> password: enough was proven
    password --> done: the password is new
    code --> unlock: enough was proven, the password known
    unlock --> password: a new one is wanted too
    unlock --> done: the password was kept
    code --> factor: enough was proven, a second factor lost
    factor --> done: the new one works
    code --> method: one more check is asked for
    code --> stranded: one more check is asked for, and there is none
    code --> ended: all tries are used up
    code --> ended: begun anew
    code --> ended: finished elsewhere
    code --> ended: the password changed meanwhile
    code --> ended: time ran out
    done --> [*]: sign in, and back to the application

What is enough follows from the problem, the account and the policy (`domain.ways`). Proofs are counted by what they
stand on: a mailbox, a telephone line, a device, a sheet of paper. Two on one of these are one. The plan is made when a
journey begins, and how the account stands now can only add to it.

I am the one-time code: `views.address` → `flow.send_challenge` counts the limits, writes the `Challenge` and its
outbox message in one transaction → after commit the bell rings → the worker claims the message, and
`methods.email` derives me from the challenge's row and writes the words → the page says how far I have come →
the person types me → `flow.submit_answer` → `codes.try_answer` counts the try in one UPDATE, then compares →
`challenges.spend` turns the challenge into a proof of *this* journey, account, address and browser → the facts now lead
to `new_password`, where `proof.mint` makes them the right to replace one particular password, once; or, for somebody
who knows theirs, to `unlock`: the pauses of the account end in the transaction of the proof, and nothing else changes.

While somebody guesses I am a long one (`budgets.codes_are_long`): the generation from which on that holds is in the
challenge's row, so that a second delivery says the same.

An account that does not exist passes through the same lines, rows and limits. Before the first proof nothing on a
page depends on the account.
"""
