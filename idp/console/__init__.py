"""The administrators' pages: what there is, and what they may do about it. A password is not among that.

In the order in which a request meets them:

    urls        which page stands where
    door        who is let in: an administrator who has just shown a second factor; to others there is no such page
    forms       what is taken of a form: the fields that it shows; anything else is refused
    overview    `/console/`: what somebody should do something about
    people      `/console/people/`: who has an account here
    person      `/console/people/…/`: one of them, and what can be done (`verbs`)
    acting      `/console/people/…/suspend/` and its neighbours: what it means, why, and then it is done
    decisions   `/console/decisions/`: what takes two administrators (`matters` says what it is)
    audit       `/console/audit/`: everything that happened (`entries` says it in words), and a copy of it
    delivery    `/console/delivery/`: what waits, what went out and how quickly, what did not, and which caps hold
    recovery    `/console/recovery/`: who could get back in today, how recoveries went, and how long they took
    policy      `/console/policy/`: what a recovery takes, in plain words, as plug-ins tell it
    reasons     why an administrator does something: one of a few words
    safety      whether enough administrators would get back in by themselves
    judgement   what the numbers of delivery come to in one word (pure)
    charts      numbers in, coordinates of an SVG out (pure)
    naming      what accounts are called; wording queues, channels, caps, statuses and times, as people say them
    frame       what stands around every page; a page that is built gets its entry in the menu here

Numbers come from the record (`idp.traffic`, `idp.caps`, `idp.accounts.marks`, plug-ins), so they are the whole
installation's, whichever machine is asked. What single processes count is for `/metrics`.
"""
