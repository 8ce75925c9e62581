"""The administrators' pages. They tell how the installation does; nothing on them changes anything.

In the order in which a request meets them:

    urls        which page stands where
    door        who is let in: an administrator who has just shown a second factor; to others there is no such page
    delivery    `/console/delivery/`: what waits, what went out and how quickly, what did not, and which caps hold
    recovery    `/console/recovery/`: who could get back in today, how recoveries went, and how long they took
    policy      `/console/policy/`: what a recovery takes, in plain words, as plug-ins tell it
    judgement   what the numbers of delivery come to in one word (pure)
    charts      numbers in, coordinates of an SVG out (pure)
    wording     queues, channels, caps and times, as people say them
    frame       what stands around every page; a page that is built gets its entry in the menu here

The numbers come from the record (`idp.traffic`, `idp.caps`, `idp.accounts.marks`, plug-ins), so they are the whole
installation's, whichever machine is asked. What single processes count is for `/metrics`.
"""
