import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'

const issuer = new URL(process.env.ISSUER)
const authentication = client.ClientSecretPost(process.env.CLIENT_SECRET)
const options = issuer.protocol === 'http:' ? { execute: [client.allowInsecureRequests] } : {}

const config = await client.discovery(issuer, process.env.CLIENT_ID, {}, authentication, options)
const token = await client.clientCredentialsGrant(config, { scope: 'orders' })
const orders = new URL(`${process.env.ISSUER}/Order`)
const answer = await client.fetchProtectedResource(config, token.access_token, orders, 'GET')

const server = config.serverMetadata()
const keys = createRemoteJWKSet(new URL(server.jwks_uri))
const { payload: claims } = await jwtVerify(token.access_token, keys, {
  issuer: server.issuer,
  audience: server.issuer,
  typ: 'at+jwt',
})
console.log(JSON.stringify({ status: answer.status, claims }))
