#!/bin/sh
echo restart >> /root/ran
exit 194
