import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { listPushDevices, registerPushDevice, removePushDevice } from '../db/queries/push-devices.ts'
import { refuse } from '../protocol/errors.ts'
import { Uuid } from '../protocol/ids.ts'
import { LIMITS } from '../protocol/limits.ts'
import { PushDeviceEnvelope, PushDevices, PushOffer, RegisterPushBody } from '../protocol/push.ts'
import { isPublicHost } from './address.ts'
import { body, json, nothing } from './answers.ts'
import { type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Push']

const offer = createRoute({
  method: 'get',
  path: '/',
  operationId: 'getPushOffer',
  summary: 'How this service sends pushes, and what a device needs to ask for them',
  tags,
  responses: { 200: json(PushOffer, 'Without providers there are no pushes') },
})

const list = createRoute({
  method: 'get',
  path: '/devices',
  operationId: 'listPushDevices',
  summary: "One's devices that get pushes",
  tags,
  responses: { 200: json(PushDevices, 'Oldest first') },
})

const register = createRoute({
  method: 'post',
  path: '/devices',
  operationId: 'registerPushDevice',
  summary: `Get pushes on this device until its login ends; the last ${LIMITS.pushDevices} count`,
  tags,
  request: { body: body(RegisterPushBody) },
  responses: { 201: json(PushDeviceEnvelope, 'Registered, again or for the first time') },
})

const remove = createRoute({
  method: 'delete',
  path: '/devices/{id}',
  operationId: 'removePushDevice',
  summary: 'No more pushes on a device',
  tags,
  request: { params: z.object({ id: Uuid }) },
  responses: { 204: nothing },
})

/** pushRoutes is where devices ask for pushes. */
export function pushRoutes({ config, db }: AppDeps) {
  const { ONESIGNAL_APP_ID, VAPID_PUBLIC_KEY, PRIVATE_ADDRESSES } = config
  const isOffered = {
    onesignal: ONESIGNAL_APP_ID !== undefined,
    webpush: VAPID_PUBLIC_KEY !== undefined,
  }

  function addressOf(given: z.infer<typeof RegisterPushBody>) {
    if (!isOffered[given.provider])
      wrong('provider', `${given.provider} is not set up here: see GET /api/push`)
    if (given.provider === 'onesignal') return { provider: given.provider, token: given.token, keys: null }
    const { endpoint, keys } = given.subscription
    // What a name comes to is looked at when something is sent there.
    if (PRIVATE_ADDRESSES === 'refuse' && !isPublicHost(new URL(endpoint).hostname)) {
      wrong('subscription.endpoint', 'Must be the URL of a public push service')
    }
    return { provider: given.provider, token: endpoint, keys }
  }

  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(offer, (context) => {
      const providers = (['onesignal', 'webpush'] as const).filter((it) => isOffered[it])
      const keys = { vapidPublicKey: VAPID_PUBLIC_KEY ?? null, oneSignalAppId: ONESIGNAL_APP_ID ?? null }
      return context.json({ providers, ...keys }, 200)
    })
    .openapi(list, async (context) => {
      const data = await listPushDevices(db, principalOf(context).user.id)
      return context.json({ data }, 200)
    })
    .openapi(register, async (context) => {
      const { user, sessionId } = principalOf(context)
      const address = addressOf(context.req.valid('json'))
      const device = { userId: user.id, sessionId, ...address }
      return context.json({ device: await registerPushDevice(db, device, LIMITS.pushDevices) }, 201)
    })
    .openapi(remove, async (context) => {
      const { id } = context.req.valid('param')
      const { user } = principalOf(context)
      if (!(await removePushDevice(db, user.id, id))) wrong('id', 'No such device of yours', 'NOT_FOUND')
      return context.body(null, 204)
    })
}

function wrong(
  field: string,
  message: string,
  code: 'VALIDATION_ERROR' | 'NOT_FOUND' = 'VALIDATION_ERROR',
): never {
  return refuse(code, message, [{ field, message }])
}
