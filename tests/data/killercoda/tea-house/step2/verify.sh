#!/bin/bash
[ -s /srv/house/greeting ] || { echo "nobody was greeted"; exit 1; }
[ ! -e /srv/house/lock ] || { echo "the door is locked"; exit 1; }
