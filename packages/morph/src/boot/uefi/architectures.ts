export type EfiArchitecture = 'x86_64' | 'aarch64' | 'i386' | 'riscv64'

interface EfiNames {
  /** The file that firmware starts when its variables name nothing (UEFI 2.10, 3.5.1.1). */
  readonly fallback: string
  /** In names of loaders: shimx64.efi. */
  readonly suffix: string
  /** In the PE header. */
  readonly machine: number
}

export const EFI_NAMES: Readonly<Record<EfiArchitecture, EfiNames>> = {
  x86_64: { fallback: 'BOOTX64.EFI', suffix: 'x64', machine: 0x8664 },
  aarch64: { fallback: 'BOOTAA64.EFI', suffix: 'aa64', machine: 0xaa64 },
  i386: { fallback: 'BOOTIA32.EFI', suffix: 'ia32', machine: 0x14c },
  riscv64: { fallback: 'BOOTRISCV64.EFI', suffix: 'riscv64', machine: 0x5064 },
}
