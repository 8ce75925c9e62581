"""Where root keys and signing keys live, and what may be asked of them.

    keys        what is asked of a key, whoever has it; and how one says no
    where       which of the two places a key is in
    memory      a root key that came with the environment
    uri         where a token is: PKCS#11 URIs (RFC 7512)
    token       a token of PKCS#11, such as a hardware security module: its keys are used there, and never come out
    roots       a root key in a token
    mechanisms  how a token makes and uses a key for each algorithm of JOSE
    held        a private key in a token, with the face of one in memory

`idp.keyring` asks for seals, digests and derived keys; `idp.oidc.keys` for signatures. Neither sees where a key is.
"""
