// The library makes and checks `state`, `nonce` and the PKCE verifier, keeps them in sessionStorage, and asks the token
// endpoint and userinfo from here, across origins. It takes the ID token straight from the provider and relies on TLS
// for that (OpenID Connect Core 3.1.3.7, 6): an application that hands ID tokens on must have them verified there.
//
// With DPoP (RFC 9449), tokens are good only with a key that no script can read: a stolen refresh token is of no use.

const show = (told) => {
  document.getElementById("told").textContent = JSON.stringify(told);
  document.body.dataset.page = told.error ? "refused" : told.claims ? "signed-in" : "signed-out";
};

async function main() {
  const { issuer, client_id, dpop } = await (await fetch("/settings.json")).json();
  const users = new oidc.UserManager({
    authority: issuer,
    client_id,
    redirect_uri: `${location.origin}/callback`,
    post_logout_redirect_uri: `${location.origin}/`,
    scope: "openid profile email offline_access",
    dpop: dpop ? { store: new oidc.IndexedDbDPoPStore(), bind_authorization_code: true } : undefined,
    loadUserInfo: !dpop, // it would show the token without its proof
    // What a script can read, another script on the page can steal; at least let it end with the tab.
    userStore: new oidc.WebStorageStateStore({ store: sessionStorage }),
    automaticSilentRenew: false,
  });

  document.getElementById("sign-in").onclick = () => users.signinRedirect({ nonce: crypto.randomUUID() });
  document.getElementById("sign-out").onclick = () => users.signoutRedirect();
  document.getElementById("refresh").onclick = () =>
    users.signinSilent().then(
      async (user) => show({ claims: await person(users, user), renewals: 1 }),
      (error) => show({ error: error.error ?? error.message }),
    );

  try {
    if (location.pathname === "/callback") {
      // RFC 9207 2.4: first see who is answering; the library does not.
      const answer = new URLSearchParams(location.search);
      if (answer.get("iss") !== issuer) throw new Error("The answer does not come from our provider.");
      const user = await users.signinRedirectCallback();
      history.replaceState(null, "", "/");
      show({ claims: await person(users, user), renewals: 0 });
    } else {
      const user = await users.getUser();
      show({ claims: user ? await person(users, user) : null });
    }
  } catch (error) {
    show({ error: error.error ?? error.message });
  }
}

// What the provider says of somebody.
async function person(users, user) {
  if (!users.settings.dpop) return user.profile;
  const url = await users.metadataService.getUserInfoEndpoint();
  const DPoP = await users.dpopProof(url, user, "GET");
  const answer = await fetch(url, { headers: { Authorization: `DPoP ${user.access_token}`, DPoP } });
  const told = await answer.json();
  // OpenID Connect Core 5.3.2: userinfo may only be believed if it speaks of the same person.
  if (told.sub !== user.profile.sub) throw new Error(told.error ?? "Userinfo speaks of somebody else.");
  return { ...user.profile, ...told };
}

main();
