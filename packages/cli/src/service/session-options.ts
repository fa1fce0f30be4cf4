import { Option, type Command } from 'commander'

const GROUP = 'Service (each option has its variable OS_... of the environment):'

const OPTIONS: readonly (readonly [flags: string, about: string])[] = [
  ['--os-auth-url <url>', 'identity service: http://HOST:PORT/identity/v3'],
  ['--os-username <name>', 'user'],
  ['--os-user-id <id>', 'user, by id'],
  ['--os-password <password>', 'password of the user (asked for on a terminal when absent; better in OS_PASSWORD)'],
  ['--os-user-domain-name <name>', 'domain of the user'],
  ['--os-user-domain-id <id>', 'domain of the user, by id (default: default)'],
  ['--os-token <token>', 'a token in place of user and password'],
  ['--project <name|id>', 'project to work in'],
  ['--os-project-name <name>', 'project to work in'],
  ['--os-project-id <id>', 'project to work in, by id'],
  ['--os-project-domain-name <name>', 'domain of the project'],
  ['--os-project-domain-id <id>', 'domain of the project, by id (default: default)'],
  ['--os-region-name <name>', 'region of the catalog'],
  ['--os-cacert <file>', 'certificates that an https service is checked against'],
  ['--insecure', 'do not check the certificate of an https service'],
  ['--endpoint <url>', "API in place of the catalog's (INSTAR_ENDPOINT)"],
]

/** Options that say the same, of which one would have no effect. */
const RIVALS: readonly (readonly string[])[] = [
  ['--project', '--os-project-name', '--os-project-id'],
  ['--os-username', '--os-user-id', '--os-token'],
]

function rivalsOf(flags: string): string[] {
  const { long } = new Option(flags)
  const rivals = RIVALS.find(names => names.some(name => name === long)) ?? []
  return rivals.filter(name => name !== long).map(name => new Option(name).attributeName())
}

/** The options of all commands that talk to a service; they may stand before or behind the command. */
export function addSessionOptions(program: Command): void {
  for (const [flags, about] of OPTIONS) program.addOption(new Option(flags, about).helpGroup(GROUP).conflicts(rivalsOf(flags)))
}

/** The session options that a command line gives, as they are written. */
export function givenSessionOptions(program: Command): string[] {
  return program.options
    .filter(option => option.helpGroupHeading === GROUP && program.getOptionValueSource(option.attributeName()) === 'cli')
    .map(option => option.long ?? option.flags)
}
