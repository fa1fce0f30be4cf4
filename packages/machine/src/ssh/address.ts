import { InstarError } from '@instar/contract/errors'

/** Where a minion is: `ssh://[USER@]HOST[:PORT]`; HOST may be a name of ~/.ssh/config. */
export interface SshAddress {
  readonly host: string
  readonly user?: string
  readonly port?: number
}

export function parseSshAddress(text: string): SshAddress {
  const [, user, host, port] = /^ssh:\/\/(?:([\w.-]+)@)?(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?\/?$/.exec(text) ?? []
  if (host === undefined || host.startsWith('-') || user?.startsWith('-') === true || Number(port ?? 1) > 65_535) {
    throw new InstarError('ssh.bad-address', `"${text}" is not ssh://[USER@]HOST[:PORT]`)
  }
  return {
    host: host.replaceAll(/[[\]]/g, ''),
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: Number(port) }),
  }
}

/** The arguments of ssh(1) that name the machine; the host comes last. */
export function addressArguments({ host, user, port }: SshAddress): string[] {
  return [...(user === undefined ? [] : ['-l', user]), ...(port === undefined ? [] : ['-p', String(port)]), '--', host]
}

/** A word for the shell of the other side: in single quotes nothing but the quote itself has a meaning. */
export function quoteWord(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}
