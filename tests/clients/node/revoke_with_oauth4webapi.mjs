import * as oauth from 'oauth4webapi'

const issuer = new URL(process.env.ISSUER)
const options = { [oauth.allowInsecureRequests]: issuer.protocol === 'http:' }
const client = { client_id: process.env.CLIENT_ID }
const authentication = oauth.ClientSecretBasic(process.env.CLIENT_SECRET)

const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options })
const server = await oauth.processDiscoveryResponse(issuer, found)
const granted = await oauth.clientCredentialsGrantRequest(server, client, authentication, {}, options)
const { access_token } = await oauth.processClientCredentialsResponse(server, client, granted)
const told = async () => {
  const answer = await oauth.introspectionRequest(server, client, authentication, access_token, options)
  return oauth.processIntrospectionResponse(server, client, answer)
}

const good = await told()
const ended = await oauth.revocationRequest(server, client, authentication, access_token, options)
await oauth.processRevocationResponse(ended)
const orders = new URL(`${process.env.ISSUER}/Order`)
const request = oauth.protectedResourceRequest(access_token, 'GET', orders, new Headers(), null, options)
const refused = await request.catch((error) => error)
const challenge = refused.cause.find(({ scheme }) => scheme === 'bearer').parameters
console.log(JSON.stringify({ good, revoked: await told(), status: refused.status, challenge }))
