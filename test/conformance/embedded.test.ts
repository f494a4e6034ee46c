import { startServer } from '../support/server.ts'
import { testProtocol } from './suite.ts'

testProtocol('PGlite', { start: (env) => startServer({ env }) })
