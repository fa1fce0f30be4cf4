#!/bin/sh
[ "$INSTAR_ATTEMPT" = 2 ]
