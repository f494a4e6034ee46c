import { z } from 'zod'
import { ChatId, Seq, Time, Uuid } from './ids.ts'

export const PushProvider = z.enum(['onesignal', 'webpush'])

const PushKey = (characters: number) =>
  z
    .string()
    .regex(/^[\w-]+=*$/, 'Must be base64url')
    .max(characters + 2, `Must be at most ${characters} characters`)

/** What a device gives to get pushes: an id of OneSignal's, or what `PushManager.subscribe` answers. */
export const RegisterPushBody = z
  .discriminatedUnion(
    'provider',
    [
      z.strictObject({
        provider: z.literal('onesignal'),
        token: z
          .string()
          .regex(/^[\w-]{1,200}$/, 'Must be the subscription id (player id) that the OneSignal SDK gives'),
      }),
      z.strictObject({
        provider: z.literal('webpush'),
        subscription: z.object({
          endpoint: z
            .url({ protocol: /^https$/, error: 'Must be the https URL that the browser gives' })
            .max(1_000),
          keys: z.object({ p256dh: PushKey(87), auth: PushKey(22) }),
        }),
      }),
    ],
    { error: 'provider must be onesignal or webpush' },
  )
  .meta({ id: 'RegisterPush' })

export const PushDevice = z
  .object({
    id: Uuid,
    provider: PushProvider,
    token: z.string().describe('Of Web Push: the endpoint'),
    createdAt: Time,
  })
  .meta({ id: 'PushDevice', description: 'A device that gets pushes' })
export type PushDevice = z.infer<typeof PushDevice>

export const PushDevices = z.object({ data: z.array(PushDevice) })
export const PushDeviceEnvelope = z.object({ device: PushDevice })

export const PushOffer = z
  .object({
    providers: z.array(PushProvider),
    vapidPublicKey: z.string().nullable().describe('`applicationServerKey` of PushManager.subscribe'),
    oneSignalAppId: z.string().nullable(),
  })
  .meta({ id: 'PushOffer', description: 'How this service sends pushes' })

export const ReplayWebhooksBody = z
  .strictObject({ chatId: ChatId, since: Seq.describe('Everything after this change') })
  .meta({ id: 'ReplayWebhooks' })
export const Replayed = z.object({
  events: z.int(),
  next: Seq.nullable().describe('Ask again with this as `since` for what is left; null when nothing is'),
})
