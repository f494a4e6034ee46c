import type { Command } from 'commander'

export function addPushKeys(program: Command): void {
  program
    .command('push-keys')
    .description('make a pair of keys for Web Push, as settings')
    .action(async () => {
      const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
      const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
      const open = Buffer.from(await crypto.subtle.exportKey('raw', pair.publicKey)).toString('base64url')
      const { d } = await crypto.subtle.exportKey('jwk', pair.privateKey)
      process.stdout.write(`VAPID_PUBLIC_KEY=${open}\nVAPID_PRIVATE_KEY=${d}\n`)
    })
}
