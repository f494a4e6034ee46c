import type { Config } from '../../config.ts'
import type { Logger } from '../../routes/deps.ts'
import { describeFault } from '../../routes/faults.ts'

const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** createLogger writes JSON lines to the console, which the platform keeps and can send on. */
export function createLogger({ LOG_LEVEL, NODE_ENV }: Pick<Config, 'LOG_LEVEL' | 'NODE_ENV'>): Logger {
  const write = (level: 'info' | 'warn' | 'error') => (fields: object, message: string) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(LOG_LEVEL)) return
    const time = new Date().toISOString()
    // biome-ignore lint/suspicious/noConsole: the console is where this platform takes its log from
    console[level](
      JSON.stringify({ level, time, service: 'parley', environment: NODE_ENV, ...fields, msg: message }),
    )
  }
  return { info: write('info'), warn: write('warn'), error: write('error') }
}

/** logFaults writes what no answer shows. Not the error itself: one of the driver's holds what people wrote. */
export function logFaults(logger: Logger) {
  return ({ error, ...where }: { readonly error: unknown }): void =>
    logger.error({ fault: describeFault(error), ...where }, 'fault')
}
