// An application in Node, signed in with openid-client, and nothing else from npm.
//
// ISSUER, CLIENT_ID, CLIENT_SECRET and PORT say where it belongs. openid-client makes and checks `state`, `nonce`
// and the PKCE verifier when it is given them, verifies the ID token, and compares `iss` of the answer (RFC 9207).
//
// With PRIVATE_KEY (a JWK) in place of CLIENT_SECRET it keeps to the FAPI 2.0 Security Profile: it signs for who it is,
// hands its request in beforehand (PAR), and each session's tokens are good with that session's key only (DPoP).

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import * as openid from "openid-client";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, ID_TOKEN_ALGORITHM, PORT } = process.env;
const HERE = `http://127.0.0.1:${PORT}`;
const strict = PRIVATE_KEY !== undefined;

const provider = await openid.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  // Regain signs with ES256 unless another was registered; openid-client believes only what it is told to expect.
  { id_token_signed_response_alg: ID_TOKEN_ALGORITHM ?? "ES256" },
  strict ? openid.PrivateKeyJwt(await privateKey(JSON.parse(PRIVATE_KEY))) : openid.ClientSecretBasic(CLIENT_SECRET),
  // Plain http is for trying it out on one machine.
  ISSUER.startsWith("http://localhost:") ? { execute: [openid.allowInsecureRequests] } : undefined,
);

// What a browser's cookie stands for. An application with several processes keeps this in its session store.
const sessions = new Map();

const pages = {
  "GET /": (session) => ({ claims: session.claims ?? null, userinfo: session.userinfo, renewals: session.renewals }),

  async "GET /sign-in"(session) {
    const code_verifier = openid.randomPKCECodeVerifier();
    const state = openid.randomState();
    const nonce = openid.randomNonce();
    session.asked = { state, nonce, code_verifier };
    session.bound = strict
      ? { DPoP: openid.getDPoPHandle(provider, await openid.randomDPoPKeyPair("ES256")) }
      : undefined;
    const request = {
      redirect_uri: `${HERE}/callback`,
      scope: "openid profile email offline_access",
      code_challenge: await openid.calculatePKCECodeChallenge(code_verifier),
      code_challenge_method: "S256",
      state,
      nonce,
    };
    return strict
      ? openid.buildAuthorizationUrlWithPAR(provider, request, session.bound)
      : openid.buildAuthorizationUrl(provider, request);
  },

  async "GET /callback"(session, url, response) {
    const { state, nonce, code_verifier } = session.asked ?? {};
    delete session.asked; // good for one answer
    const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: code_verifier, idTokenExpected: true };
    const tokens = await openid.authorizationCodeGrant(provider, url, checks, undefined, session.bound);
    const claims = tokens.claims();
    // It refuses userinfo that speaks of somebody else.
    const userinfo = await openid.fetchUserInfo(provider, tokens.access_token, claims.sub, session.bound);
    Object.assign(session, { tokens, claims, userinfo, renewals: 0 });
    nameAnew(session, response); // so that nobody can plant a session beforehand
    return new URL(HERE);
  },

  async "POST /refresh"(session) {
    const tokens = await openid.refreshTokenGrant(provider, session.tokens.refresh_token, undefined, session.bound);
    // If there is a new refresh token, the old one is void.
    session.tokens = { ...session.tokens, ...tokens };
    session.userinfo = await openid.fetchUserInfo(provider, tokens.access_token, session.claims.sub, session.bound);
    session.renewals += 1;
    return new URL(HERE);
  },

  async "GET /sign-out"(session) {
    const { id_token, refresh_token } = session.tokens;
    for (const name of Object.keys(session)) delete session[name];
    // Access that was given for longer (offline_access) outlives a sign-out; this application has no more use for it.
    await openid.tokenRevocation(provider, refresh_token);
    return openid.buildEndSessionUrl(provider, {
      id_token_hint: id_token,
      post_logout_redirect_uri: `${HERE}/signed-out`,
    });
  },

  "GET /signed-out": () => ({ signed_out: true }),
};

createServer(async (request, response) => {
  const url = new URL(request.url, HERE);
  try {
    const page = pages[`${request.method} ${url.pathname}`];
    const answer = page ? await page(sessionOf(request, response), url, response) : { error: "not_found" };
    if (answer instanceof URL) {
      response.writeHead(303, { Location: answer.href }).end();
    } else {
      response.writeHead(page ? 200 : 404, { "Content-Type": "application/json" }).end(JSON.stringify(answer));
    }
  } catch (error) {
    console.error(error);
    const body = JSON.stringify({ error: error.error ?? error.code ?? error.name });
    response.writeHead(400, { "Content-Type": "application/json" }).end(body);
  }
}).listen(Number(PORT), "127.0.0.1");

function privateKey({ kid, ...jwk }) {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  return crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]).then((key) => ({ key, kid }));
}

function sessionOf(request, response) {
  const [, known] = /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? "") ?? [];
  return sessions.get(known) ?? nameAnew({}, response);
}

function nameAnew(session, response) {
  for (const [name, each] of sessions) if (each === session) sessions.delete(name);
  const name = randomBytes(32).toString("base64url");
  sessions.set(name, session);
  // Lax, not Strict: the way back comes from another site.
  response.setHeader("Set-Cookie", `session=${name}; HttpOnly; SameSite=Lax; Path=/`);
  return session;
}
