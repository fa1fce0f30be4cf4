/** Machine code of the boot sectors here: it counts its boots in its own sector, prints text and number, and restarts or comes to its end. */
const COUNTING_BOOT = [
  '31c08ed88ec08ed0bc007c', // segments and stack
  '8816f07d', // the BIOS gives the drive in DL: kept at 7df0
  'fe06f17d', // one boot more, counted at 7df1
  'b80103bb007cb901008a16f07db600cd13', // int 13h: write this sector back
  'fa', // no interrupts: at a tick of the clock the BIOS would print what it still has, amid our text
  'baf803be007dac84c07403eeebf8', // the text at 7d00 to the serial port
  'a0f17d0430eeb00aee', // the number of the boot as a digit, and a line end
  '803ef17d', // from the boot with the number that follows here on
]
const END_OR_RESTART = [
  '7306', // go to the end
  'b0fee664ebfe', // restart by the keyboard controller
]

const ENDS = {
  /** Stops the processor. */
  halt: 'f4ebfd',
  /** ACPI power off, as QEMU's chip sets have it. */
  'power-off': 'ba0406b80020eff4ebfd',
} as const

/** The first MiB of a disk that boots by BIOS without an operating system; it restarts until the last of `boots`. */
export function bootSectorDisk(text: string, end: keyof typeof ENDS, boots = 2): Buffer {
  const disk = Buffer.alloc(1024 * 1024)
  Buffer.from([...COUNTING_BOOT, boots.toString(16).padStart(2, '0'), ...END_OR_RESTART, ENDS[end]].join(''), 'hex').copy(disk)
  disk.write(`${text}\0`, 0x100, 0xf0, 'latin1')
  disk.writeUInt16LE(0xaa55, 510)
  return disk
}
