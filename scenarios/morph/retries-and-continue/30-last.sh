#!/bin/sh
echo 'reached the end'
