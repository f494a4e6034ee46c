import { testProtocol } from './suite.ts'

testProtocol('PGlite', {})
