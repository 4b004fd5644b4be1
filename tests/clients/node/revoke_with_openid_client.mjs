import * as client from 'openid-client'

const issuer = new URL(process.env.ISSUER)
const authentication = client.ClientSecretPost(process.env.CLIENT_SECRET)
const options = issuer.protocol === 'http:' ? { execute: [client.allowInsecureRequests] } : {}

const config = await client.discovery(issuer, process.env.CLIENT_ID, {}, authentication, options)
const { access_token } = await client.clientCredentialsGrant(config)
const good = await client.tokenIntrospection(config, access_token)
await client.tokenRevocation(config, access_token)
const orders = new URL(`${process.env.ISSUER}/Order`)
const refused = await client.fetchProtectedResource(config, access_token, orders, 'GET').catch((error) => error)
const challenge = refused.cause.find(({ scheme }) => scheme === 'bearer').parameters
const revoked = await client.tokenIntrospection(config, access_token)
console.log(JSON.stringify({ good, revoked, status: refused.status, challenge }))
