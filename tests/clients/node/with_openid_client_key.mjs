import { readFileSync } from 'node:fs'
import { importJWK } from 'jose'
import * as client from 'openid-client'

const issuer = new URL(process.env.ISSUER)
const jwk = JSON.parse(readFileSync('private.jwk'))
const authentication = client.PrivateKeyJwt({ key: await importJWK(jwk, 'ES256'), kid: jwk.kid })
const options = issuer.protocol === 'http:' ? { execute: [client.allowInsecureRequests] } : {}

const config = await client.discovery(issuer, process.env.CLIENT_ID, {}, authentication, options)
const orders = new URL(`${process.env.ISSUER}/Order`)
const get = async () => {
  const token = await client.clientCredentialsGrant(config)
  return (await client.fetchProtectedResource(config, token.access_token, orders, 'GET')).status
}
console.log(JSON.stringify({ status: await get(), again: await get() }))
