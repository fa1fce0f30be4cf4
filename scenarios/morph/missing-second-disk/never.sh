#!/bin/sh
echo 'this must not run'
