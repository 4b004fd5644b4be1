import * as oauth from 'oauth4webapi'

const issuer = new URL(process.env.ISSUER)
const options = { [oauth.allowInsecureRequests]: issuer.protocol === 'http:' }
const client = { client_id: process.env.CLIENT_ID }
const authentication = oauth.ClientSecretBasic(process.env.CLIENT_SECRET)

const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options })
const server = await oauth.processDiscoveryResponse(issuer, found)
const granted = await oauth.clientCredentialsGrantRequest(server, client, authentication, {}, options)
const { access_token } = await oauth.processClientCredentialsResponse(server, client, granted)
const orders = new URL(`${process.env.ISSUER}/Order`)
const answer = await oauth.protectedResourceRequest(access_token, 'GET', orders, new Headers(), null, options)

// What the service behind does with a request that carries the token:
const request = new Request(orders, { headers: { Authorization: `Bearer ${access_token}` } })
const claims = await oauth.validateJwtAccessToken(server, request, server.issuer, options)
console.log(JSON.stringify({ status: answer.status, claims }))
