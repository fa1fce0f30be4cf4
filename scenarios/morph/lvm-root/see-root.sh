#!/bin/sh
findmnt -n -o SOURCE /
