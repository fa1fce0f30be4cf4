#!/bin/sh
# allow-hotplug brings the card up when udev has seen it, which may be after this started.
for second in $(seq 60); do
  ip -brief address show dev ens192 | grep 192.0.2.10/24 && exit 0
  sleep 1
done
ip -brief address
exit 1
