/**
 * Tables of codes, apart from the schemas: a client in a browser needs them, and should not carry zod for them.
 */

/** Every error code of REST and the socket, with its HTTP status and whether the same request may succeed later. */
export const ERRORS = {
  VALIDATION_ERROR: { status: 400, retryable: false },
  UNAUTHORIZED: { status: 401, retryable: false },
  FORBIDDEN: { status: 403, retryable: false },
  NOT_FOUND: { status: 404, retryable: false },
  CONFLICT: { status: 409, retryable: false },
  PAYLOAD_TOO_LARGE: { status: 413, retryable: false },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retryable: false },
  RATE_LIMIT_EXCEEDED: { status: 429, retryable: true },
  INTERNAL_ERROR: { status: 500, retryable: true },
  SERVICE_UNAVAILABLE: { status: 503, retryable: true },
  INSUFFICIENT_STORAGE: { status: 507, retryable: true },
} as const

export type ErrorCode = keyof typeof ERRORS

/** Close codes of the socket. `reconnect` tells the client whether to come back by itself. */
export const CLOSES = {
  restart: { code: 1012, reconnect: true },
  silent: { code: 1001, reconnect: true },
  slow: { code: 4008, reconnect: true },
  tooManyConnections: { code: 4009, reconnect: true },
  resync: { code: 4010, reconnect: true },
  badFrame: { code: 4400, reconnect: false },
  notAuthenticated: { code: 4401, reconnect: false },
  forbidden: { code: 4403, reconnect: false },
  protocolVersion: { code: 4406, reconnect: false },
} as const

export type CloseReason = keyof typeof CLOSES
