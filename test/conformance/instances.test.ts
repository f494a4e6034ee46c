import { startFleet } from '../support/fleet.ts'
import { testProtocol } from './suite.ts'

// The limit holds per instance, and the balancer spreads a user's connections over all three.
testProtocol('three instances', { start: (env) => startFleet(3, { CONNECTIONS_PER_USER: '8', ...env }) })
