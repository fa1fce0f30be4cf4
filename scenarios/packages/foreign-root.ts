import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { takeLock } from '@instar/fixtures'

/** What other families of distributions use, as Debian packs it: real programs for our command lines. */
const PACKAGES = [
  'dnf',
  'zypper',
  'pacman-package-manager',
  'rpm',
  'createrepo-c',
  'dracut',
  'mount',
  'linux-image-cloud-amd64',
  'zstd',
  'lz4',
]
const SUITE = 'bookworm'

/**
 * Packages of our own and repositories of them, in three formats. `instar-a` needs `instar-b`; `broken` is a repository that is not there.
 * `sh -e` in the root.
 */
const REPOSITORIES = `
mkdir -p /srv/rpms /srv/spec /etc/rpm
# Debian's rpm keeps a database of the user's own, that of no distribution of rpm packages.
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros
for name in a b; do
  need=
  [ $name = b ] || need='Requires: instar-b'
  cat >/srv/spec/$name.spec <<END
Name: instar-$name
Version: 1.$name
Release: 1
Summary: A package for a test
License: none
BuildArch: noarch
$need
%description
For a test.
%install
mkdir -p %{buildroot}/opt/instar
echo $name >%{buildroot}/opt/instar/$name
%files
/opt/instar/$name
END
  rpmbuild --quiet -bb --define '_rpmdir /srv/rpms' --define '_topdir /srv/build' /srv/spec/$name.spec
done
createrepo_c -q /srv/rpms
mkdir -p /etc/yum.repos.d /etc/zypp/repos.d
printf '[good]\\nname=good\\nbaseurl=file:///srv/rpms\\nenabled=1\\ngpgcheck=0\\n' >/etc/yum.repos.d/good.repo
cp /etc/yum.repos.d/good.repo /etc/zypp/repos.d/
mkdir -p /srv/debs
for name in a b; do
  work=/srv/build/deb-$name
  mkdir -p $work/DEBIAN $work/opt/instar
  echo $name >$work/opt/instar/$name
  need=
  [ $name = b ] || need='Depends: instar-b'
  printf 'Package: instar-%s\\nVersion: 1.%s\\nArchitecture: all\\nMaintainer: x <x@y>\\nDescription: x\\n%s\\n' $name $name "$need" | sed '/^$/d' >$work/DEBIAN/control
  dpkg-deb --build $work /srv/debs/$name.deb >/dev/null
  { dpkg-deb --field /srv/debs/$name.deb; printf 'Filename: ./%s.deb\\nSize: %s\\nSHA256: %s\\n\\n' $name $(stat -c %s /srv/debs/$name.deb) $(sha256sum </srv/debs/$name.deb | cut -d' ' -f1); } >>/srv/debs/Packages
done
(cd /srv/debs && printf 'SHA256:\\n %s %s Packages\\n' $(sha256sum <Packages | cut -d' ' -f1) $(stat -c %s Packages) >Release)
rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:///srv/debs ./' >/etc/apt/sources.list
mkdir -p /srv/pacman
for name in a b; do
  work=/srv/build/$name
  mkdir -p $work/opt/instar
  echo $name >$work/opt/instar/$name
  need=
  [ $name = b ] || need='depend = instar-b'
  printf 'pkgname = instar-%s\\npkgbase = instar-%s\\npkgver = 1.%s-1\\npkgdesc = x\\nsize = 2\\narch = any\\n%s\\n' $name $name $name "$need" >$work/.PKGINFO
  tar -C $work -I zstd -cf /srv/pacman/instar-$name-1.$name-1-any.pkg.tar.zst .PKGINFO opt
done
# The index that repo-add(8) makes, which comes with makepkg and all that it needs.
for file in /srv/pacman/*.zst; do
  name=\${file%-1.?-1-any*} name=\${name##*/} letter=\${name#instar-}
  entry=/srv/build/db/$name-1.$letter-1
  mkdir -p $entry
  printf '%%%s%%\\n%s\\n\\n' FILENAME \${file##*/} NAME $name VERSION 1.$letter-1 CSIZE $(stat -c %s $file) ISIZE 2 \\
    SHA256SUM $(sha256sum <$file | cut -d' ' -f1) ARCH any >$entry/desc
  [ $letter = b ] || printf '%%DEPENDS%%\\ninstar-b\\n\\n' >>$entry/desc
done
(cd /srv/build/db && tar -czf /srv/pacman/test.db *)
printf '[options]\\nArchitecture = auto\\nSigLevel = Never\\n[test]\\nServer = file:///srv/pacman\\n' >/etc/pacman.conf
pacman -Sy >/dev/null
`

/** A folder with a copy of the root, which a test may change. Built once and kept beside the guests, which are pruned together. */
export async function openForeignRoot(signal: AbortSignal): Promise<AsyncDisposable & { readonly path: string; readonly version: string }> {
  const folder = join(process.env['INSTAR_CACHE_DIR'] ?? '/var/cache/instar', 'guests')
  const key = createHash('sha256')
    .update(JSON.stringify([PACKAGES, SUITE]))
    .digest('hex')
    .slice(0, 16)
  const archive = join(folder, `rootfs-foreign-${key}.tar.zst`)
  const work = await mkdtemp(join(tmpdir(), 'instar-foreign-'))
  const path = join(work, 'root')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  {
    await using _ = await takeLock(join(folder, 'foreign.lock'), signal)
    if (!existsSync(archive)) await build(archive, work, signal)
  }
  await mkdir(path, { recursive: true })
  await run(['tar', '-C', path, '-I', 'zstd', '-xpf', archive], signal)
  await run(inForeignRoot(path)(['sh', '-euc', REPOSITORIES]), signal)
  const version = (await readdir(join(path, 'usr/lib/modules')))[0] ?? ''
  return { path, version, [Symbol.asyncDispose]: () => rm(work, { recursive: true, force: true }) }
}

async function build(archive: string, work: string, signal: AbortSignal): Promise<void> {
  const root = join(work, 'built')
  await run(
    [
      // Its mounts and processes end with it, and it ends with us.
      ...'setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child env'.split(' '),
      `TMPDIR=${work}`,
      ...'mmdebstrap --quiet --mode=root --variant=apt --format=directory --architectures=amd64'.split(' '),
      `--include=${PACKAGES.join(',')}`,
      '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
      '--aptopt=Apt::Install-Recommends "false"',
      '--aptopt=Acquire::Languages "none"',
      SUITE,
      root,
    ],
    signal,
  )
  await run(['tar', '-C', root, '--numeric-owner', '--xattrs', '-I', 'zstd -1 -T0', '-cf', `${archive}.part`, '.'], signal)
  await rename(`${archive}.part`, archive)
  await rm(root, { recursive: true, force: true })
}

/** Enters the root in namespaces of its own, without a network. */
export function inForeignRoot(root: string): (argv: readonly string[]) => readonly string[] {
  const enter =
    'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && root=$1 && shift && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C chroot "$root" "$@"'
  return argv => ['unshare', '--mount', '--pid', '--net', '--fork', '--kill-child', 'sh', '-c', enter, 'sh', root, ...argv]
}

async function run(argv: readonly string[], signal: AbortSignal): Promise<void> {
  const child = spawn(argv[0]!, argv.slice(1), { signal, killSignal: 'SIGKILL', stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr?.on('data', (piece: Buffer) => (stderr = (stderr + piece.toString()).slice(-4000)))
  const [exitCode] = (await once(child, 'close')) as [number | null]
  assert.equal(exitCode, 0, `${argv.slice(0, 6).join(' ')}: ${stderr}`)
}
