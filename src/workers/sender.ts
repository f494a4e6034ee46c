import { buildPushPayload } from '@block65/webcrypto-web-push'
import { Webhook } from 'standardwebhooks'
import type { Config } from '../config.ts'
import type { Answer, Delivery, Notification, Post, Request, Sender, Sent } from './ports.ts'

/** Seconds that a push service keeps a push for a device that is off. */
const TTL = 86_400
const ERROR_CHARACTERS = 200

/** SenderSettings is what of the settings a sender needs; plain data, so that it can go to a thread. */
export type SenderSettings = Pick<
  Config,
  | 'ONESIGNAL_APP_ID'
  | 'ONESIGNAL_API_KEY'
  | 'ONESIGNAL_URL'
  | 'VAPID_PUBLIC_KEY'
  | 'VAPID_PRIVATE_KEY'
  | 'VAPID_SUBJECT'
  | 'WEBHOOK_SECRET'
  | 'PRIVATE_ADDRESSES'
>

/** createSender speaks to OneSignal, to push services of browsers and to webhooks, over the host's own HTTP. */
export function createSender(settings: SenderSettings, post: Post): Sender {
  const toRequest = (delivery: Delivery): Request | Promise<Request> => {
    switch (delivery.via) {
      case 'onesignal':
        return oneSignal(delivery, settings)
      case 'webpush':
        return webPush(delivery, settings)
      case 'webhook':
        return webhook(delivery, settings)
      default:
        return delivery satisfies never
    }
  }

  return async (delivery) => {
    try {
      return toSent(delivery, await post(await toRequest(delivery)))
    } catch (error) {
      return { status: 'failed', error: String(error).slice(0, ERROR_CHARACTERS), retryIn: null }
    }
  }
}

function oneSignal(
  { tokens, notification }: Extract<Delivery, { via: 'onesignal' }>,
  settings: SenderSettings,
): Request {
  const { key, title, body, link, chatId, messageId, unread } = notification
  return {
    url: settings.ONESIGNAL_URL,
    isTrusted: true,
    headers: {
      'Content-Type': 'application/json',
      Authorization: `Key ${settings.ONESIGNAL_API_KEY}`,
    },
    body: JSON.stringify({
      app_id: settings.ONESIGNAL_APP_ID,
      target_channel: 'push',
      include_subscription_ids: tokens,
      idempotency_key: key,
      collapse_id: chatId,
      headings: { en: title },
      contents: { en: body },
      data: { chatId, messageId, unread, link },
      ...(URL.canParse(link) && { url: link }),
    }),
  }
}

/** The topic makes a push service keep only the last push of the chat for a device that is off. */
async function webPush(
  { subscription, notification }: Extract<Delivery, { via: 'webpush' }>,
  settings: SenderSettings,
): Promise<Request> {
  const topic = notification.chatId.replaceAll('-', '')
  const { headers, body } = await buildPushPayload(
    { data: toJson(notification), options: { ttl: TTL, topic, urgency: 'high' } },
    { ...subscription, expirationTime: null },
    {
      subject: settings.VAPID_SUBJECT,
      publicKey: settings.VAPID_PUBLIC_KEY,
      privateKey: settings.VAPID_PRIVATE_KEY,
    },
  )
  return { url: subscription.endpoint, headers: { ...headers }, body, isTrusted: isAllowed(settings) }
}

function toJson({ title, body, link, chatId, messageId, unread }: Notification) {
  return { title, body, link, chatId, messageId, unread }
}

/** Signed anew for each try: receivers refuse a signature that is minutes old. */
function webhook(
  { url, id, body }: Extract<Delivery, { via: 'webhook' }>,
  settings: SenderSettings,
): Request {
  const at = new Date()
  return {
    url,
    isTrusted: isAllowed(settings),
    headers: {
      'Content-Type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Webhook(settings.WEBHOOK_SECRET ?? '').sign(id, at, body),
    },
    body,
  }
}

function isAllowed({ PRIVATE_ADDRESSES }: SenderSettings): boolean {
  return PRIVATE_ADDRESSES === 'allow'
}

function toSent({ via }: Delivery, answer: Answer): Sent {
  const { status, body } = answer
  if (via === 'webpush' && (status === 404 || status === 410)) return { status: 'gone' }
  if (status < 200 || status > 299) {
    const error = `Answered ${status}: ${body.slice(0, ERROR_CHARACTERS)}`
    return { status: 'failed', error, retryIn: toMilliseconds(answer.retryAfter) }
  }
  if (via !== 'onesignal' || hasId(body)) return { status: 'sent' }
  return {
    status: 'failed',
    error: `Answered ${status} without an id: ${body.slice(0, ERROR_CHARACTERS)}`,
    retryIn: null,
  }
}

/** OneSignal says 200 with an empty id when nobody was sent anything. */
function hasId(body: string): boolean {
  try {
    const { id } = JSON.parse(body)
    return typeof id === 'string' && id !== ''
  } catch {
    return false
  }
}

/** Retry-After is seconds, or a date. */
function toMilliseconds(retryAfter: string | null): number | null {
  if (retryAfter === null) return null
  const wait = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now()
  return Number.isNaN(wait) ? null : Math.max(0, wait)
}
