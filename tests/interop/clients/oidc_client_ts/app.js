// The library makes and checks `state`, `nonce` and the PKCE verifier, keeps them in sessionStorage, and asks the token
// endpoint and userinfo from here, across origins. It takes the ID token straight from the provider and relies on TLS
// for that (OpenID Connect Core 3.1.3.7, 6): an application that hands ID tokens on must have them verified there.

const show = (told) => {
  document.getElementById("told").textContent = JSON.stringify(told);
  document.body.dataset.page = told.error ? "refused" : told.claims ? "signed-in" : "signed-out";
};

async function main() {
  const { issuer, client_id } = await (await fetch("/settings.json")).json();
  const users = new oidc.UserManager({
    authority: issuer,
    client_id,
    redirect_uri: `${location.origin}/callback`,
    post_logout_redirect_uri: `${location.origin}/`,
    scope: "openid profile email offline_access",
    loadUserInfo: true,
    // What a script can read, another script on the page can steal; at least let it end with the tab.
    userStore: new oidc.WebStorageStateStore({ store: sessionStorage }),
    automaticSilentRenew: false,
  });

  document.getElementById("sign-in").onclick = () => users.signinRedirect({ nonce: crypto.randomUUID() });
  document.getElementById("sign-out").onclick = () => users.signoutRedirect();
  document.getElementById("refresh").onclick = () =>
    users.signinSilent().then(
      (user) => show({ claims: user.profile, renewals: 1 }),
      (error) => show({ error: error.error ?? error.message }),
    );

  try {
    if (location.pathname === "/callback") {
      // RFC 9207 2.4: first see who is answering; the library does not.
      const answer = new URLSearchParams(location.search);
      if (answer.get("iss") !== issuer) throw new Error("The answer does not come from our provider.");
      const user = await users.signinRedirectCallback();
      history.replaceState(null, "", "/");
      show({ claims: user.profile, renewals: 0 });
    } else {
      const user = await users.getUser();
      show({ claims: user?.profile ?? null });
    }
  } catch (error) {
    show({ error: error.error ?? error.message });
  }
}

main();
