#!/bin/bash
until [ -e /srv/house/swept ]; do sleep 0.1; done
echo "the kitchen is clean"
