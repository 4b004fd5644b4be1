import { createRemoteJWKSet, jwtVerify } from 'jose'
import { ClientCredentials } from 'simple-oauth2'

const issuer = process.env.ISSUER
const server = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json()
const endpoint = new URL(server.token_endpoint)
const client = new ClientCredentials({
  client: { id: process.env.CLIENT_ID, secret: process.env.CLIENT_SECRET },
  auth: { tokenHost: endpoint.origin, tokenPath: endpoint.pathname },
  options: { authorizationMethod: 'header' },
})

const { token } = await client.getToken({})
const headers = { Authorization: `Bearer ${token.access_token}` }
const answer = await fetch(`${issuer}/Order`, { headers })

const keys = createRemoteJWKSet(new URL(server.jwks_uri))
const { payload: claims } = await jwtVerify(token.access_token, keys, { issuer, audience: issuer, typ: 'at+jwt' })
console.log(JSON.stringify({ status: answer.status, claims }))
