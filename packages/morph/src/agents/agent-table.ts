/** Platforms that have agents of their own. KVM's (qemu-guest-agent, spice-vdagent) are in no table: nothing ever masks them. */
export const PLATFORMS = [
  'vmware',
  'hyperv',
  'azure',
  'xen',
  'virtualbox',
  'parallels',
  'nutanix',
  'aws',
  'gcp',
  'oracle',
  'ovirt',
  'kvm',
] as const
export type Platform = (typeof PLATFORMS)[number]

/** An agent of one platform: by what it is known, and what of it starts by itself. `*` in a name stands for any text. */
export interface AgentEntry {
  readonly name: string
  /** Where it is at home: it is left alone when the machine goes there. */
  readonly platforms: readonly Platform[]
  /** Package names of all families. */
  readonly packages: readonly string[]
  /** systemd units, with their suffix. */
  readonly units: readonly string[]
  /** Names of sysv scripts, OpenRC services and upstart jobs. */
  readonly services: readonly string[]
}

/** What is known of agents: morphing.md 3.2, and the unit names of Debian 12's packages. */
export const AGENTS: readonly AgentEntry[] = [
  {
    name: 'VMware tools',
    platforms: ['vmware'],
    packages: ['open-vm-tools*', 'VMwareTools', 'vmware-tools-*', 'vmware-guest-*', 'kmod-vmware-tools*'],
    units: [
      'open-vm-tools.service',
      'vmtoolsd.service',
      'vgauth.service',
      'vgauthd.service',
      'vmware-tools.service',
      'vmware-tools-thinprint.service',
      'run-vmblock-fuse.mount',
      'run-vmblock\\x2dfuse.mount',
    ],
    services: ['open-vm-tools', 'vmware-tools', 'vmware-tools-services', 'vmtoolsd', 'vgauthd'],
  },
  {
    name: 'Hyper-V daemons',
    platforms: ['hyperv', 'azure'],
    packages: [
      'hyperv-daemons',
      'hyperv-tools',
      'hypervkvpd',
      'hypervvssd',
      'hypervfcopyd',
      'hvtools',
      'linux-cloud-tools-*',
      'microsoft-hyper-v',
      'kmod-microsoft-hyper-v',
    ],
    units: [
      'hv-kvp-daemon.service',
      'hv-vss-daemon.service',
      'hv-fcopy-daemon.service',
      'hypervkvpd.service',
      'hypervvssd.service',
      'hypervfcopyd.service',
      'hv_kvp_daemon.service',
      'hv_vss_daemon.service',
      'hv_fcopy_daemon.service',
      'hv_fcopy_uio_daemon.service',
    ],
    services: [
      'hv-kvp-daemon',
      'hv-vss-daemon',
      'hv-fcopy-daemon',
      'hv_kvp_daemon',
      'hv_vss_daemon',
      'hv_fcopy_daemon',
      'hypervkvpd',
      'hypervvssd',
      'hypervfcopyd',
    ],
  },
  {
    name: 'Azure agent',
    platforms: ['azure'],
    packages: ['walinuxagent', 'waagent', 'WALinuxAgent*', 'python-azure-agent*', 'azure-vm-utils'],
    units: ['walinuxagent.service', 'waagent.service', 'waagent-network-setup.service', 'walinuxagent-network-setup.service'],
    services: ['walinuxagent', 'waagent'],
  },
  {
    name: 'Xen guest agent',
    platforms: ['xen'],
    packages: ['xe-guest-utilities*', 'xen-guest-agent', 'xenstore-utils', 'xen-tools'],
    units: ['xe-linux-distribution.service', 'xe-daemon.service', 'xen-guest-agent.service'],
    services: ['xe-linux-distribution', 'xe-daemon', 'xe-guest-utilities', 'xen-guest-agent'],
  },
  {
    name: 'VirtualBox additions',
    platforms: ['virtualbox'],
    packages: ['virtualbox-guest-*', 'virtualbox-kmp-*'],
    units: ['virtualbox-guest-utils.service', 'vboxservice.service', 'vboxadd.service', 'vboxadd-service.service', 'vboxclient.service'],
    services: ['vboxadd', 'vboxadd-service', 'vboxadd-x11', 'virtualbox-guest-utils', 'virtualbox-guest-additions', 'vboxservice'],
  },
  {
    name: 'Parallels tools',
    platforms: ['parallels'],
    packages: [],
    units: ['prltoolsd.service', 'prl-x11.service'],
    services: ['prltoolsd', 'prl-x11'],
  },
  {
    name: 'Nutanix guest tools',
    platforms: ['nutanix'],
    packages: ['nutanix-guest-tools'],
    units: ['ngt_guest_agent.service', 'ngt_self_service_restore.service'],
    services: ['ngt_guest_agent', 'ngt_self_service_restore'],
  },
  {
    name: 'AWS agents',
    platforms: ['aws'],
    packages: ['amazon-ssm-agent', 'amazon-cloudwatch-agent', 'ec2-hibinit-agent', 'hibagent', 'ec2-net-utils', 'amazon-ec2-net-utils'],
    units: [
      'amazon-ssm-agent.service',
      'snap.amazon-ssm-agent.amazon-ssm-agent.service',
      'amazon-cloudwatch-agent.service',
      'hibinit-agent.service',
      'hibagent.service',
      'policy-routes@.service',
      'refresh-policy-routes@.service',
      'refresh-policy-routes@.timer',
      'ec2net-scan.service',
      'ec2net-ifup@.service',
    ],
    services: ['amazon-ssm-agent', 'amazon-cloudwatch-agent', 'hibagent', 'hibinit-agent'],
  },
  {
    name: 'Google guest agents',
    platforms: ['gcp'],
    packages: ['google-guest-agent', 'google-compute-engine*', 'google-osconfig-agent', 'google-cloud-ops-agent', 'gce-disk-expand'],
    units: [
      'google-guest-agent.service',
      'google-guest-agent-manager.service',
      'google-guest-compat-manager.service',
      'google-startup-scripts.service',
      'google-shutdown-scripts.service',
      'google-osconfig-agent.service',
      'google-oslogin-cache.service',
      'google-oslogin-cache.timer',
      'google-disk-expand.service',
      'google-accounts-daemon.service',
      'google-clock-skew-daemon.service',
      'google-instance-setup.service',
      'google-network-daemon.service',
      'google-cloud-ops-agent.service',
      'google-cloud-ops-agent-*.service',
    ],
    services: ['google-guest-agent', 'google-startup-scripts', 'google-shutdown-scripts'],
  },
  {
    name: 'Oracle Cloud agent',
    platforms: ['oracle'],
    packages: ['oracle-cloud-agent*', 'oci-utils*', 'oraclecloud-*'],
    units: ['oracle-cloud-agent.service', 'oracle-cloud-agent-updater.service', 'snap.oracle-cloud-agent.*.service', 'ocid.service'],
    services: ['oracle-cloud-agent', 'ocid'],
  },
  {
    name: 'oVirt agent',
    platforms: ['ovirt'],
    packages: ['rhevm-guest-agent*', 'ovirt-guest-agent*'],
    units: ['ovirt-guest-agent.service'],
    services: ['ovirt-guest-agent'],
  },
]
