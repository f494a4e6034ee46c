import { type DestinationStream, pino } from 'pino'
import type { Config } from '../../config.ts'

/** createLogger writes JSON lines to standard output; `destination` is for a human's eyes. */
export function createLogger(config: Config, destination?: DestinationStream) {
  const options = {
    level: config.LOG_LEVEL,
    base: { service: 'parley', environment: config.NODE_ENV },
    timestamp: pino.stdTimeFunctions.isoTime,
    // An error of the database driver holds the statement's parameters, and so what people wrote.
    serializers: {
      err: ({ name, message, code, stack }: Error & { code?: string }) => ({ name, message, code, stack }),
    },
  }
  return destination ? pino(options, destination) : pino(options)
}
