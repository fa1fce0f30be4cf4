import { CRYPTTAB, FSTAB, MDADM } from './storage.ts'
import { BLS, DEFAULT_GRUB, GRUB_CFG, GRUBENV } from './boot.ts'
import { ALL_MODULES, phonyImage, phonyModules } from '../../../packages/morph/src/boot/kernel/phony-boot.fixture.ts'
import type { PhonyFile } from '../../../packages/morph/src/tree/phony-guest.ts'

export type Files = Readonly<Record<string, PhonyFile>>

const elf = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, ...Array<number>(9).fill(0), 3, 0, 62, 0])
const systemd: Files = { 'usr/lib/systemd/systemd': elf, 'sbin/init': { link: '/usr/lib/systemd/systemd' } }

const debian: Files = {
  ...systemd,
  ...phonyModules({ version: '6.1.0-13-amd64' }),
  'bin/sh': elf,
  'etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
  'etc/debian_version': '12.5\n',
  'etc/fstab': FSTAB,
  'etc/crypttab': CRYPTTAB,
  'etc/mdadm/mdadm.conf': MDADM,
  'etc/default/grub': DEFAULT_GRUB,
  'etc/default/grub.d/50-cloud.cfg': 'GRUB_CMDLINE_LINUX="console=tty1 root=/dev/sda1"\n',
  'boot/grub/grub.cfg': GRUB_CFG,
  'boot/grub/grubenv': GRUBENV,
  'boot/vmlinuz-6.1.0-13-amd64': 'MZ',
  'boot/initrd.img-6.1.0-13-amd64': 'image',
  'boot/config-6.1.0-13-amd64': 'CONFIG_VIRTIO_BLK=m\nCONFIG_NVME_CORE=y\n',
  'usr/bin/apt-get': elf,
  'usr/sbin/update-initramfs': '#!/bin/sh\n',
  'var/lib/dpkg/status':
    'Package: open-vm-tools\nStatus: install ok installed\nVersion: 2:12.2\nDescription: x\n more\n\nPackage: y\nStatus: install ok half-configured\n\n',
  'var/lib/dpkg/triggers/File': 'x y\n',
  'etc/initramfs-tools/conf.d/resume': 'RESUME=/dev/sda5\n',
  'etc/initramfs-tools/modules': 'vmw_pvscsi\n# x\n',
  'etc/network/interfaces':
    'source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\nallow-hotplug ens192\niface ens192 inet static\n\taddress 192.168.1.10/24\n\tgateway \\\n\t 192.168.1.1\niface ens192:1 inet dhcp\n  bond-slaves a b\n',
  'etc/network/interfaces.d/loop': 'source /etc/network/interfaces\niface br0 inet manual\n  bridge_ports ens161\n',
  'usr/sbin/netplan': '#!/usr/bin/python3\n',
  'etc/netplan/50-cloud-init.yaml':
    'network:\n  version: 2\n  ethernets:\n    eth0:\n      match: {macaddress: "00:50:56:AA:BB:CC"}\n      set-name: ens192\n      addresses: [10.0.0.6/24, {"fd00::1/64": {label: x}}]\n      routes:\n      - to: default\n        via: 10.0.0.1\n    eth1: {dhcp4: true}\n  bonds: {bond0: {interfaces: [eth0]}}\n',
  'etc/systemd/network/10-lan.network': '[Match]\nMACAddress=00:50:56:aa:bb:cc\nName=ens*\n[Network]\nDHCP=yes\nAddress=10.0.0.5/24\n',
  'etc/systemd/network/10-lan.link': '[Match]\nMACAddress=00:50:56:aa:bb:cc\n[Link]\nName=lan0\n',
  'etc/udev/rules.d/70-persistent-net.rules':
    'SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="00:50:56:aa:bb:cc", ATTR{type}=="1", NAME="eth0"\n',
  'etc/cloud/cloud.cfg': 'datasource_list: [ NoCloud, None ]\npreserve_hostname: false\nnetwork: {config: disabled}\n',
  'etc/cloud/cloud.cfg.d/99-installer.cfg': 'datasource:\n  VMware: {}\n',
  'usr/bin/cloud-init': '#!/usr/bin/python3\n',
  'etc/systemd/system/multi-user.target.wants/open-vm-tools.service': { link: '/lib/systemd/system/open-vm-tools.service' },
  'lib/systemd/system/open-vm-tools.service': '[Unit]\nDescription=x\n[Service]\nExecStart=/usr/bin/vmtoolsd\n',
  'etc/systemd/system/srv.mount': '[Mount]\nWhat=/dev/sdb1\nWhere=/srv\nType=xfs\n',
  'etc/lvm/lvm.conf': 'devices {\n  filter = [ "a|^/dev/sda.*|", "r|.*|" ]\n  # global_filter = ["a/.*/"]\n}\n',
  'etc/hostname': 'guest\n',
  'etc/ntp.conf': 'server 127.127.1.0\n',
}

const redhat: Files = {
  ...systemd,
  ...phonyModules({ version: '5.14.0-284.el9.x86_64', suffix: '.ko.xz', builtin: ['virtio'] }),
  'bin/bash': elf,
  'etc/os-release': 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.2"\nPLATFORM_ID="platform:el9"\n',
  'etc/redhat-release': 'Rocky Linux release 9.2 (Blue Onyx)\n',
  'etc/fstab': '/dev/mapper/rl-root / xfs defaults 0 0\nUUID=1A57-A001 /boot/efi vfat defaults 0 2\n/dev/sdb1 /data xfs nofail 0 0\n',
  'var/lib/rpm/rpmdb.sqlite': 'SQLite format 3',
  'usr/bin/dnf': elf,
  'usr/bin/dracut': '#!/bin/bash\n',
  'etc/dracut.conf.d/vm.conf': 'hostonly="yes"\nadd_drivers+=" vmw_pvscsi "\n',
  'boot/loader/entries/abc-5.14.conf': BLS,
  'boot/grub2/grub.cfg': 'set kernelopts="root=/dev/sda1 ro "\ninsmod blscfg\nblscfg\n',
  'boot/grub2/grubenv': GRUBENV,
  'boot/efi/EFI/rocky/shimx64.efi': 'MZ',
  'boot/efi/EFI/rocky/grubx64.efi': 'MZ',
  'boot/efi/EFI/rocky/BOOTX64.CSV': Buffer.from('\ufeffshimx64.efi,Rocky,,This is the boot entry\n', 'utf16le'),
  'boot/vmlinuz-5.14.0-284.el9.x86_64': 'MZ',
  'boot/initramfs-5.14.0-284.el9.x86_64.img': 'image',
  'etc/kernel/cmdline': 'root=/dev/mapper/rl-root resume=/dev/sda3\n',
  'etc/sysconfig/network': 'NETWORKING=yes\nGATEWAY=10.0.0.1\n',
  'etc/sysconfig/network-scripts/ifcfg-ens192':
    'TYPE="Ethernet"\nBOOTPROTO=none\nDEVICE=ens192\nHWADDR=00:50:56:aa:bb:cc\nIPADDR=10.0.0.5\nPREFIX=24\n',
  'etc/sysconfig/network-scripts/route-ens192': 'default via 10.0.0.1 dev ens192\n',
  'etc/NetworkManager/system-connections/lan.nmconnection': {
    mode: 0o600,
    content:
      '[connection]\nid=lan\nuuid=u1\ntype=ethernet\ninterface-name=ens192\n[ethernet]\nmac-address=00:50:56:AA:BB:CC\n[ipv4]\naddress1=10.0.0.5/24,10.0.0.1\ndns=8.8.8.8;\nmethod=manual\n',
  },
  'etc/NetworkManager/NetworkManager.conf': '[main]\nplugins=ifcfg-rh,keyfile\n[keyfile]\nunmanaged-devices=mac:00:50:56:aa:bb:cc\n',
  'etc/systemd/system/multi-user.target.wants/NetworkManager.service': { link: '/usr/lib/systemd/system/NetworkManager.service' },
  'usr/lib/systemd/system/NetworkManager.service': '[Service]\n',
  'etc/selinux/config': 'SELINUX=enforcing\nSELINUXTYPE=targeted\n',
  'usr/sbin/load_policy': elf,
  'etc/selinux/targeted/contexts/files/file_contexts':
    '/.*\tsystem_u:object_r:default_t:s0\n/etc/systemd/system(/.*)?\tsystem_u:object_r:systemd_unit_file_t:s0\n/etc/[^/]*\\.conf\t--\tsystem_u:object_r:etc_t:s0\n/var/run/.*\t<<none>>\n/usr/lib(64)?/x\\.so(\\.[^/]*)*\t--\tsystem_u:object_r:lib_t:s0\n',
  'etc/selinux/targeted/contexts/files/file_contexts.subs_dist': '/run /var/run\n/lib64 /usr/lib\n',
  'etc/selinux/targeted/contexts/files/file_contexts.subs': '/opt/x /usr\n',
  'etc/lvm/devices/system.devices': '# LVM\nVERSION=1.1.1\nIDTYPE=sys_wwid IDNAME=naa.6000c29 DEVNAME=/dev/sda2 PVID=abc PART=2\n',
  'etc/multipath.conf': 'defaults {\n user_friendly_names yes\n}\nmultipaths { multipath { wwid 36000 alias data } }\n',
  'etc/multipath/bindings': 'mpatha 36000c29\n',
  'etc/chrony.conf': 'refclock PHC /dev/ptp_hyperv poll 3\npool 2.rocky.pool.ntp.org iburst\n',
}

const suse: Files = {
  ...systemd,
  ...phonyModules({ version: '6.4.0-150600.21-default', suffix: '.ko.zst' }),
  'etc/os-release': 'NAME="openSUSE Leap"\nVERSION="15.6"\nID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.6"\n',
  'etc/fstab':
    'UUID=aaaa / btrfs defaults 0 0\nUUID=aaaa /var btrfs subvol=/@/var 0 0\n/dev/disk/by-id/scsi-36000c29-part2 swap swap defaults 0 0\n',
  'etc/sysconfig/network/ifcfg-eth0':
    "BOOTPROTO='static'\nSTARTMODE='auto'\nIPADDR='10.0.0.5/24'\nIPADDR_1='10.0.0.6/24'\nLLADDR=00:50:56:aa:bb:cc\n",
  'etc/sysconfig/network/routes': 'default 10.0.0.1 - -\n',
  'etc/sysconfig/network/config': 'NETCONFIG_DNS_STATIC_SERVERS="8.8.8.8"\n',
  'usr/bin/zypper': elf,
  'var/lib/rpm/Packages': 'bdb',
  'usr/bin/dracut': '#!/bin/bash\n',
  'boot/grub2/grub.cfg': GRUB_CFG,
  'boot/vmlinuz-6.4.0-150600.21-default': 'MZ',
  'boot/initrd-6.4.0-150600.21-default': 'image',
}

const old: Files = {
  'sbin/init': elf,
  'lib/modules/2.6.32-754.el6.x86_64/modules.dep': 'kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko\n',
  'etc/redhat-release': 'CentOS release 6.10 (Final)\n',
  'etc/inittab': 'id:3:initdefault:\nS0:2345:respawn:/sbin/agetty ttyS0\n',
  'etc/fstab': 'LABEL=/ / ext3 defaults 1 1\n/dev/hda2 swap swap defaults 0 0\n',
  'boot/grub/grub.conf':
    'default=0\ntimeout=5\ntitle CentOS (2.6.32-754.el6.x86_64)\n\troot (hd0,0)\n\tkernel /vmlinuz-2.6.32-754.el6.x86_64 ro root=/dev/hda1 rhgb\n\tinitrd /initramfs-2.6.32-754.el6.x86_64.img\n',
  'boot/grub/menu.lst': { link: './grub.conf' },
  'boot/vmlinuz-2.6.32-754.el6.x86_64': 'MZ',
  'boot/extlinux.conf': 'DEFAULT lts\nLABEL lts\n  LINUX vmlinuz-lts\n  INITRD initramfs-lts\n  APPEND root=/dev/sda3 modules=ext4\n',
  'boot/loader/loader.conf': 'default arch*\ntimeout 3\n',
  'etc/update-extlinux.conf': 'default_kernel_opts="quiet"\nroot=UUID=aaaa\n',
  'etc/rc.d/init.d/vmware-tools': '#!/bin/sh\n',
  'etc/rc.d/rc3.d/S20vmware-tools': { link: '../init.d/vmware-tools' },
  'etc/runlevels/default/vmtoolsd': { link: '/etc/init.d/vmtoolsd' },
  'etc/lsb-release': 'DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\n',
  'etc/alpine-release': '3.19.1\n',
}

/** Small guests of four families, which hold each kind of file that a morph reads. */
export const ROOTS: readonly Files[] = [debian, redhat, suse, old]

/** The initramfs that each kernel's image file stands for. */
export const INITRAMFS = phonyImage({ version: '6.1.0-13-amd64', modules: ALL_MODULES, programs: ['lvm', 'cryptsetup'] })
