import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

export interface PasswordCost {
  /** Memory and time double with each step: 2^logN blocks of 1 KiB. */
  readonly logN: number
}

/** 32 MiB and some 80 ms a log-in. */
export const PASSWORD_COST: PasswordCost = { logN: 15 }

const HASH_BYTES = 32
const SALT_BYTES = 16

/** `scrypt$logN$salt$hash`, the last two in base64. */
export async function hashPassword(password: string, cost: PasswordCost = PASSWORD_COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password, salt, cost.logN)
  return ['scrypt', cost.logN, salt.toString('base64'), hash.toString('base64')].join('$')
}

export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [kind, logN, salt, hash] = stored.split('$')
  if (kind !== 'scrypt' || logN === undefined || salt === undefined || hash === undefined) return false
  const wanted = Buffer.from(hash, 'base64')
  const derived = await derive(password, Buffer.from(salt, 'base64'), Number(logN))
  return wanted.length === derived.length && timingSafeEqual(wanted, derived)
}

/** A password that nobody knows yet: 144 bits, typed on any keyboard. */
export function generatePassword(): string {
  return randomBytes(18).toString('base64url')
}

function derive(password: string, salt: Buffer, logN: number): Promise<Buffer> {
  const N = 2 ** logN
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, HASH_BYTES, { N, r: 8, p: 1, maxmem: N * 8 * 128 * 2 }, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}
