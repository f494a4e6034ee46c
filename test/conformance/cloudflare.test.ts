import { startWorkerdServer } from '../support/workerd.ts'
import { testProtocol } from './suite.ts'

testProtocol('workerd', { start: startWorkerdServer })
