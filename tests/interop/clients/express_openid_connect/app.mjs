// An Express application, signed in by express-openid-connect.
//
// ISSUER, CLIENT_ID, CLIENT_SECRET and PORT say where it belongs. The middleware adds /login, /callback and /logout,
// keeps the session in an encrypted cookie, and does state, nonce, PKCE and the ID token by itself.

import { randomBytes } from "node:crypto";
import express from "express";
import openid from "express-openid-connect";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, RESPONSE_MODE, PORT } = process.env;
const HERE = `http://127.0.0.1:${PORT}`;

function endedSignIns() {
  const kept = new Map();
  return {
    get: (name, done) => done(null, kept.get(name)),
    set: (name, value, done) => done(null, kept.set(name, value)),
    destroy: (name, done) => done(null, kept.delete(name)),
  };
}

const app = express();
app.use(
  openid.auth({
    issuerBaseURL: ISSUER,
    baseURL: HERE,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: randomBytes(32).toString("hex"), // of the cookie; an application with several processes shares one
    authRequired: false,
    // The middleware takes RS256 for granted; Regain signs with ES256 unless another was registered.
    idTokenSigningAlg: "ES256",
    // Without a secret in the front channel: its default is an ID token there.
    authorizationParams: {
      response_type: "code",
      response_mode: RESPONSE_MODE ?? "query", // form_post keeps the code out of addresses, and so out of logs
      scope: "openid profile email offline_access",
    },
    idpLogout: true,
    // Regain says at /backchannel-logout when a sign-in has ended elsewhere. The token is verified; who was signed in by
    // it is not from then on. An application with several processes needs a shared store.
    backchannelLogout: { store: endedSignIns() },
    routes: { postLogoutRedirect: "/signed-out" },
  }),
);

app.get("/", async (request, response) => {
  if (!request.oidc.isAuthenticated()) return response.json({ claims: null });
  response.json({ claims: request.oidc.idTokenClaims, userinfo: await request.oidc.fetchUserInfo() });
});

app.post("/refresh", async (request, response) => {
  await request.oidc.accessToken.refresh(); // the new refresh token goes into the cookie
  response.redirect(303, "/");
});

app.get("/signed-out", (_request, response) => response.json({ signed_out: true }));

app.use((error, _request, response, _next) => {
  console.error(error);
  response.status(error.status ?? 500).json({ error: error.error ?? error.message });
});

app.listen(Number(PORT), "127.0.0.1");
