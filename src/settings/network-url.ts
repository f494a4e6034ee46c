import { z } from 'zod'

/** Names and addresses that only a network of one's own has: no dot, a private ending, loopback, RFC 1918. */
const OWN_NETWORK =
  /^([^.:[\]]+|.+\.(internal|local|localhost|svc)|127\..+|10\..+|192\.168\..+|172\.(1[6-9]|2\d|3[01])\..+|\[::1\]|\[f[cd].+\])$/i

/**
 * networkUrl is an address that is asked for what is believed: by https, or by http where the network is one's own.
 * Without a password in it, which would come out in logs.
 */
export const networkUrl = z.string('must be text').superRefine((value, context) => {
  const message = faultOf(value)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

function faultOf(value: string): string | undefined {
  if (!URL.canParse(value)) return 'must be a whole address, such as https://id.example.org/keys'
  const { protocol, hostname, username, password } = new URL(value)
  if (username !== '' || password !== '') return 'must hold no user and no password'
  if (protocol === 'https:' || (protocol === 'http:' && OWN_NETWORK.test(hostname))) return undefined
  return 'must begin with https:// (http:// only for localhost, private addresses and names without a dot)'
}
