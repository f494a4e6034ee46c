import { z } from 'zod'
import { ChatKind } from '../protocol/model.ts'
import { commaSeparated, setting, text, whole } from './kinds.ts'

const HttpUrl = z.url({ protocol: /^https?$/, error: 'must look like https://example.org/hook' })

/** The settings of what the service says to others: pushes and webhooks. */
export const OUTGOING = {
  PUSH_DELAY_SECONDS: whole(0, 3_600)
    .default(5)
    .meta(setting('Push', 'How long a message may stay unread before those without a connection get a push')),
  PUSH_COLLAPSE_SECONDS: whole(0, 86_400)
    .default(30)
    .meta(
      setting('Push', 'At most one push per chat and recipient in this time; it tells of the latest message'),
    ),
  PUSH_PREVIEW: commaSeparated
    .pipe(z.array(ChatKind))
    .default(['direct', 'group', 'session'])
    .meta(setting('Push', 'Kinds of chats whose words a push may show: direct, group, session, notes')),
  PUSH_LINK: text
    .regex(/\{chatId\}/, 'must hold {chatId}, and may hold {messageId}')
    .default('/chats/{chatId}?message={messageId}')
    .meta(setting('Push', 'Where a push leads to; an absolute URL for OneSignal')),
  ONESIGNAL_APP_ID: text.optional().meta(setting('Push', 'OneSignal, together with the next one')),
  ONESIGNAL_API_KEY: text.optional().meta(setting('Push', 'REST API key of that app')),
  ONESIGNAL_URL: HttpUrl.default('https://api.onesignal.com/notifications').meta(
    setting('Push', 'Where notifications are created'),
  ),
  VAPID_PUBLIC_KEY: text
    .regex(/^[\w-]{87}$/, 'must be a P-256 public key in base64url, 87 characters')
    .optional()
    .meta(setting('Push', 'Web Push, together with the next two; `npx parley push-keys` makes a pair')),
  VAPID_PRIVATE_KEY: text
    .regex(/^[\w-]{43}$/, 'must be a P-256 private key in base64url, 43 characters')
    .optional()
    .meta(setting('Push', 'The other half of it')),
  VAPID_SUBJECT: text
    .regex(/^(mailto:|https:\/\/)/, 'must begin with mailto: or https://')
    .optional()
    .meta(setting('Push', 'Whom a push service may turn to: mailto: or https:')),
  PUSH_WEBHOOK_URL: HttpUrl.optional().meta(
    setting('Push', 'Gets every push as a signed webhook, for a sender of your own; needs WEBHOOK_SECRET'),
  ),

  WEBHOOK_URLS: commaSeparated
    .pipe(z.array(HttpUrl))
    .default([])
    .meta(setting('Webhooks', 'Get the events of all chats, comma-separated; needs WEBHOOK_SECRET')),
  WEBHOOK_SECRET: text
    .regex(/^whsec_[A-Za-z0-9+/]{32,}=*$/, 'must be whsec_ and base64 of at least 24 bytes')
    .optional()
    .meta(
      setting('Webhooks', 'Signs them by the Standard Webhooks scheme; "whsec_$(openssl rand -base64 32)"'),
    ),
  WEBHOOK_EVENTS: commaSeparated
    .pipe(
      z.array(
        z.enum(['message', 'session', 'receipt', 'note'], 'must be of message, session, receipt, note'),
      ),
    )
    .default(['message', 'session', 'receipt'])
    .meta(
      setting('Webhooks', 'What they get: message, session, receipt, and note for internal notes of staff'),
    ),
  PRIVATE_ADDRESSES: z
    .enum(['refuse', 'allow'], 'must be refuse or allow')
    .default('refuse')
    .meta(
      setting(
        'Webhooks',
        'allow lets webhooks and Web Push go to private addresses, and webhooks by plain http: for development',
      ),
    ),
}

const Outgoing = z.object(OUTGOING)
type Outgoing = z.infer<typeof Outgoing>

/** faultsOfOutgoing names what must be set together, or must not be as it is. */
export function faultsOfOutgoing(config: Outgoing): string[] {
  const faults: string[] = []
  for (const together of TOGETHER) {
    const missing = together.filter((name) => config[name] === undefined)
    if (missing.length > 0 && missing.length < together.length) {
      faults.push(`${missing.join(' and ')} must be set together with ${together.join(', ')}`)
    }
  }
  const hooks = [...config.WEBHOOK_URLS, ...(config.PUSH_WEBHOOK_URL ? [config.PUSH_WEBHOOK_URL] : [])]
  if (hooks.length > 0 && config.WEBHOOK_SECRET === undefined) {
    faults.push('WEBHOOK_SECRET must be set where WEBHOOK_URLS or PUSH_WEBHOOK_URL is')
  }
  if (config.PRIVATE_ADDRESSES === 'refuse' && hooks.some((url) => !url.startsWith('https:'))) {
    faults.push('WEBHOOK_URLS and PUSH_WEBHOOK_URL must be https, unless PRIVATE_ADDRESSES is allow')
  }
  return faults
}

const TOGETHER = [
  ['ONESIGNAL_APP_ID', 'ONESIGNAL_API_KEY'],
  ['VAPID_PUBLIC_KEY', 'VAPID_PRIVATE_KEY', 'VAPID_SUBJECT'],
] as const
