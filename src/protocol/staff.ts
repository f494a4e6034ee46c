import type { UserType } from './model.ts'

/** roleOfStaff is what somebody of this type may be in a session in which he works; undefined for those who are served. */
export function roleOfStaff(type: UserType): 'provider' | 'agent' | undefined {
  if (type === 'agent' || type === 'admin') return 'agent'
  return type === 'dentist' || type === 'restaurant' ? 'provider' : undefined
}
