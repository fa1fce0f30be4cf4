export type BootFailureKind = 'kernel-panic' | 'no-bootable-device' | 'boot-loader-prompt' | 'initramfs-shell' | 'emergency-mode'

/** What a console shows of a boot that will not come to its end by itself. */
export interface BootFailure {
  readonly kind: BootFailureKind
  /** The line that tells it. */
  readonly line: string
}

const STAMP = String.raw`^(?:\[[ \d.]+\] ?)?`

const SIGNS: readonly { readonly kind: BootFailureKind; readonly pattern: RegExp }[] = [
  { kind: 'kernel-panic', pattern: new RegExp(`${STAMP}Kernel panic - not syncing.*`, 'm') },
  {
    kind: 'no-bootable-device',
    pattern: /^(No bootable device\.|BdsDxe: No bootable option or device was found\.|UEFI Interactive Shell v.*)/m,
  },
  { kind: 'boot-loader-prompt', pattern: /^(grub rescue>|grub>).*/m },
  { kind: 'initramfs-shell', pattern: /^(ALERT!.*Dropping to a shell!|\(initramfs\).*|dracut:.*#|Gave up waiting for root.*)/m },
  // dracut says it too, of its own shell.
  { kind: 'emergency-mode', pattern: /^(You are in (emergency|rescue) mode.*|Welcome to emergency mode!?.*|Entering emergency mode\..*)/m },
]

/** The first sign of a failed boot on a console, or `undefined` while there is none. */
export function findBootFailure(console: string): BootFailure | undefined {
  const plain = plainText(console)
  for (const { kind, pattern } of SIGNS) {
    const [line] = pattern.exec(plain) ?? []
    if (line !== undefined) return { kind, line: line.trim().slice(0, 300) }
  }
  return undefined
}

/** A console's text without what moves the cursor or colours it. */
export function plainText(console: string): string {
  // oxlint-disable-next-line no-control-regex -- terminal control is made of control characters.
  return console.replaceAll(/\x1b(?:\[[0-9;?]{0,32}[@-~]|[()][A-Z0-9]|[c=>78])/g, '').replaceAll('\r', '')
}
